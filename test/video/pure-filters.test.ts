import { existsSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { impurityOf } from '../../src/video/index.js';
import { PURE_FILTERS } from '../../src/video/pure-filters.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

describe('impurityOf', () => {
  it.each([
    'negate',
    'eq=contrast=2,negate',
    'format=gray,edgedetect=low=0.1:high=0.2,format=gray',
    'split[a][b];[a]hflip[c];[b][c]blend=all_mode=average',
    "geq=r='if(gt(X,W/2),255,0)':g=0:b=0",
    "sws_flags=bicubic;scale@small=w=iw/2:h=-1:flags=area,scale='2*iw':'2*ih'",
    'curves=vintage',
    "curves=r='0/0 0.5/0.6 1/1':interp=pchip",
    "select='lt(n,25)'",
    ' negate , ',
  ])('lets %j through', (graph) => {
    expect(impurityOf(graph)).toBeUndefined();
  });

  it.each([
    ['metadata=mode=print:file=x', 'the filter metadata'],
    ['negate[a];movie=x[b];[a][b]overlay', 'the filter movie'],
    ["'mo'vie@negate=x", 'the filter movie'],
    ['sws_flags=w=1;negate', 'the filter sws_flags'],
    ['curves=plot=/tmp/x', 'the option "plot=/tmp/x" of curves'],
    ["curves='psf'ile=x", 'the option "psfile=x" of curves'],
    ['curves=0:a:b:c:d:e:/tmp/x', 'the option "a" of curves'],
    ['curves=m=0/0\\:plot=x', 'the option "plot=x" of curves'],
    ['scale=/w=/etc/hostname', 'the option "/w=/etc/hostname" of scale'],
    ['geq=\\/lum=/etc/hostname', 'the option "/lum=/etc/hostname" of geq'],
    ["negate'", 'a quote that is never closed'],
    ['negate\\,', 'a backslash at the end'],
    ['', '"" names no filter'],
    ['Negate', 'the filter Negate'],
    ['constructor', 'the filter constructor'],
  ])('does not let %j through', (graph, why) => {
    expect(impurityOf(graph)).toBe(why);
  });

  it.each(
    (
      'movie amovie subtitles ass drawtext lut3d lut1d haldclut psnr ssim libvmaf vidstabdetect ' +
      'vidstabtransform sendcmd asendcmd zmq azmq ladspa lv2 frei0r frei0r_src dnn_processing ' +
      'dnn_detect dnn_classify sr derain metadata ametadata signature find_rect cover_rect ocr ' +
      'openclsrc program_opencl coreimage removelogo deshake selectivecolor nnedi paletteuse lensfun ' +
      'libplacebo color testsrc2 life cellauto nullsrc loop tpad zoompan buffersink nullsink ' +
      'qrencode whisper'
    ).split(' '),
  )('knows nothing good of %s', (name) => {
    expect(impurityOf(name)).toBe(`the filter ${name}`);
  });

  it('finds the one bad filter wherever it stands and however it is written', () => {
    const good = fc.constantFrom('negate', "scale='iw':ih", 'eq=contrast=1\\,5', 'split[a][b]');
    const bad = fc.constantFrom('movie=x', "m'ovi'e=x", '\\movie@negate', ' [in]movie', "'movie'");
    const separator = fc.constantFrom(',', ';', ' ,\n', ' ;');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(good, separator)),
        bad,
        separator,
        fc.nat(9),
        (parts, evil, separated, at) => {
          const graph = parts.map(([filter, between]) => `${filter}${between}`);
          graph.splice(Math.min(at, graph.length), 0, `${evil}${separated}`);
          expect(impurityOf(graph.join(''))).toBe('the filter movie');
        },
      ),
    );
  });

  it('lets no filter through whose options this ffmpeg calls files, commands or plugins', async () => {
    const help = (await runFfmpeg('-h', 'full')).toString();
    const sections = help.split(/^(?=\S.* AVOptions:$)/m).flatMap((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const names = heading.replace(/ AVOptions:$/, '').split('/');
      return names.filter((name) => PURE_FILTERS.has(name)).map((name) => ({ name, lines }));
    });
    expect(sections.length).toBeGreaterThan(60);
    const suspicious = sections.flatMap(({ name, lines }) =>
      lines
        .filter((line) => /^ {1,3}\S+ +<(string|binary|dictionary)>/.test(line))
        .filter((line) => /file|path|url|plugin|command|librar|director|script|address/i.test(line))
        .map((line) => `${name}=${/\S+/.exec(line)?.[0] ?? ''}`),
    );
    expect([...new Set(suspicious)].sort()).toEqual(['curves=plot', 'curves=psfile']);
    for (const option of suspicious) expect(impurityOf(`${option}=x`)).toContain('the option');
  });
});

describe('what ffmpeg does with graphs', () => {
  let clip: string;
  let server: Server;
  let requests = 0;
  let address: string;
  beforeAll(async () => {
    clip = await makeClip({ frames: 2 });
    server = createServer((_, response) => {
      requests += 1;
      response.end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `http\\\\://127.0.0.1\\\\:${(server.address() as AddressInfo).port}/beacon.mkv`;
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  /** As decoding puts it between its own filters. A graph that ffmpeg refuses has done nothing. */
  const obey = (graph: string): Promise<unknown> =>
    runFfmpeg('-i', clip, '-vf', `format=rgb24,${graph},format=rgb24`, '-f', 'null', '-').catch(
      (error: unknown) => error,
    );

  it('obeys any, so that only the list of pure filters stands between', async () => {
    const victim = scratchPath('victim');
    const evil = `metadata=mode=add:key=x:value=y,metadata=mode=print:file=${victim}`;
    await obey(evil);
    expect(existsSync(victim)).toBe(true);
    expect(impurityOf(evil)).toBe('the filter metadata');
    const beacon = `movie=filename=${address}[x];[in][x]overlay`;
    await obey(`null[in];${beacon}`);
    expect(requests).toBeGreaterThan(0);
    expect(impurityOf(`null[in];${beacon}`)).toBe('the filter movie');
  });

  it('writes nothing for any graph that is called pure', async () => {
    const victim = scratchPath('victim');
    const pieces = fc.constantFrom(
      ...['metadata=mode=add:key=x:value=y,metadata=mode=print:file=', victim, 'null', 'negate'],
      ...[
        "'",
        '\\',
        '\\\\',
        ',',
        ';',
        ':',
        '=',
        '[a]',
        '@',
        ' ',
        'curves',
        'plot=',
        'scale',
        '/w=',
      ],
      ...[`metadata=print:file=${victim}`, `curves=plot=${victim}`, 'eq=contrast=', "\\'", '\n'],
    );
    const graphs = fc
      .array(pieces, { minLength: 1, maxLength: 8 })
      .map((parts) => parts.join(''))
      .filter((graph) => graph.includes(victim));
    let pure = 0;
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        if (impurityOf(graph) !== undefined) return;
        pure += 1;
        rmSync(victim, { force: true });
        await obey(graph);
        expect(existsSync(victim)).toBe(false);
      }),
      { numRuns: 1500 },
    );
    expect(pure).toBeGreaterThan(3);
  });
});
