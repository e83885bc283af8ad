import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createLogger, silentLogger } from '../../src/base/log.js';
import { openCondition } from '../../src/clips/condition.js';
import { planCondition } from '../../src/clips/condition-plan.js';
import { dataOptions } from '../../src/clips/options.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { finishRecordings, startRecording } from '../../src/serve/recording.js';
import { decodeFrames, probe, runningProcesses } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { scratchPath } from '../video/make-clip.js';

const [WIDTH, HEIGHT] = [48, 32];
const PIXELS = WIDTH * HEIGHT;
const PALETTE = { sky: [0, 0, 255], road: [90, 91, 92], car: [255, 0, 3] };

async function modelOf(condition: object, more: object = {}) {
  const data = dataOptions.parse({ size: `${WIDTH}x${HEIGHT}`, condition, ...more });
  const { layout } = await planCondition(data, { baseFolder: '/', ...data.size });
  const { condition: told, actions } = data;
  return { layout, condition: told, actions, sections: { generator: { channels: 4 } } };
}

const labels = (extra: object) => ({ kind: 'paired', content: 'labels', path: 'x.mkv', ...extra });

/** A disc that wanders over noise, in the bytes of the layout. */
function drawn(frame: number, bytesPerPixel: number, levels: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: PIXELS * bytesPerPixel }, (_, at) => {
    const place = Math.floor(at / bytesPerPixel);
    const [x, y] = [place % WIDTH, Math.floor(place / WIDTH)];
    const inside = Math.hypot(x - ((5 + frame) % WIDTH), y - 16) < 9;
    return levels[(inside ? 1 : 0) + (y === 3 ? 1 : 0)]!;
  });
}

const kinds: [string, object, readonly number[]][] = [
  ['labels with pixels of no class', labels({ palette: PALETTE, ignore: [9, 9, 9] }), [0, 2, 255]],
  ['labels by ids', labels({ classes: 3, ignore: 255 }), [0, 2, 255]],
  ['outlines', { kind: 'derived', preset: 'edges' }, [0, 200, 255]],
  ['nothing', { kind: 'none' }, [0, 0, 0]],
];

describe('a recording', () => {
  it.each(kinds)(
    'of %s trains as it lies, its conditions without loss',
    async (_, condition, levels) => {
      const model = await modelOf(condition);
      const folder = join(scratchPath('run'), 'live', 'recordings');
      const recording = await startRecording({
        ...{ folder, width: WIDTH, height: HEIGHT, fps: 25, model, log: silentLogger },
      });
      const { bytesPerPixel, content } = model.layout;
      const conditions = Array.from({ length: 40 }, (__, i) => drawn(i, bytesPerPixel, levels));
      for (const [i, one] of conditions.entries()) {
        await recording.add({
          rgb: drawn(i, 3, [20, 120, 220]),
          condition: content === 'none' ? null : one,
        });
      }
      const finished = (await recording.finish())!;
      expect(finished.name).toBe('00001');
      expect(finished.files).toMatchObject({
        frames: 40,
        fps: 25,
        video: 'frames.mp4',
        actions: null,
      });
      expect(await probe(join(finished.folder, 'frames.mp4'), { count: true })).toMatchObject({
        ...{ frameCount: 40, width: WIDTH, height: HEIGHT },
      });
      const { code, stderr } = await frameloom(
        'check',
        join(finished.folder, 'pipeline.yaml'),
        '--json',
      );
      expect([code, stderr]).toEqual([
        0,
        expect.not.stringMatching(/error|warning: .*(?:colour|label)/),
      ]);

      const { pipeline } = await loadPipeline(join(finished.folder, 'pipeline.yaml'));
      const info = content === 'none' ? null : await probe(join(finished.folder, 'condition.mkv'));
      const stream =
        info &&
        (await openCondition(
          pipeline.data,
          { path: info.path!, info },
          { baseFolder: '/', fps: info.fps },
        ));
      const read = stream ? await lastValueFrom(stream.frames.pipe(toArray())) : [];
      expect(read.map(({ data }) => Buffer.from(data).toString('base64'))).toEqual(
        content === 'none'
          ? []
          : conditions.map((one) =>
              // What has one channel is read as three alike by a pipeline of pictures.
              Buffer.from(
                content === 'image' && bytesPerPixel === 1
                  ? [...one].flatMap((v) => [v, v, v])
                  : one,
              ).toString('base64'),
            ),
      );
    },
  );

  it('has the actions as CSV, one row a frame, and a pipeline that is told them', async () => {
    const folder = scratchPath('recordings');
    const columns = { left: 'key', 'steer, fast': { kind: 'axis', range: [-100, 100] } };
    const recording = await startRecording({
      ...{ folder, width: WIDTH, height: HEIGHT, fps: '30000/1001', log: silentLogger },
      model: await modelOf({ kind: 'actions', path: '{name}.csv', columns }),
    });
    for (let i = 0; i < 40; i += 1) {
      const rgb = drawn(i, 3, [1, 2, 3]);
      await recording.add({ rgb, condition: null, actions: [i % 2, -0.5 * (i % 3)] });
    }
    const finished = (await recording.finish())!;
    const csv = await readFile(join(finished.folder, 'actions.csv'), 'utf8');
    expect(csv).toMatch(/^frame,left,"steer, fast"\n0,0,0\n1,1,-0.5\n2,0,-1\n/);
    const { code, stdout } = await frameloom(
      'check',
      join(finished.folder, 'pipeline.yaml'),
      '--json',
    );
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { data: object }).data).toMatchObject({
      clips: [
        {
          actions: {
            rows: 40,
            columns: [
              { name: 'left', most: 1 },
              { least: -1, most: 0 },
            ],
          },
        },
      ],
    });
  });

  it('leaves nothing where nothing came, or where it could not be written', async () => {
    const folder = scratchPath('recordings');
    const options = {
      ...{ folder, width: WIDTH, height: HEIGHT, fps: 25, log: silentLogger },
      model: await modelOf({ kind: 'none' }),
    };
    expect(await (await startRecording(options)).finish()).toBeNull();
    const bad = await startRecording(options);
    await bad.add({ rgb: new Uint8Array(7), condition: null });
    await expect(bad.finish()).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
    expect(runningProcesses()).toEqual([]);
  });

  it('has the world wait where frames come faster than they are encoded: none is lost', async () => {
    const folder = scratchPath('recordings');
    const [width, height] = [1280, 720];
    const recording = await startRecording({
      ...{ folder, width, height, fps: 25, log: silentLogger },
      model: await modelOf({ kind: 'none' }),
    });
    const rgb = new Uint8Array(3 * width * height);
    let room = 0;
    const added = Array.from({ length: 24 }, async () => {
      await recording.add({ rgb, condition: null });
      room += 1;
    });
    await Promise.resolve();
    expect(room).toBeLessThan(24);
    await Promise.all(added);
    expect((await recording.finish())?.files.frames).toBe(24);
    await expect(recording.add({ rgb, condition: null })).rejects.toMatchObject({
      code: 'bad-call',
    });
  });

  it('gives each its own number', async () => {
    const folder = scratchPath('recordings');
    const made = await Promise.all(
      [1, 2].map(async (level) => {
        const recording = await startRecording({
          ...{ folder, width: WIDTH, height: HEIGHT, fps: 25, log: silentLogger },
          model: await modelOf({ kind: 'none' }),
        });
        await recording.add({ rgb: new Uint8Array(3 * PIXELS).fill(level), condition: null });
        return recording.finish();
      }),
    );
    expect(made.map((one) => one?.name).sort()).toEqual(['00001', '00002']);
    const [frame] = await lastValueFrom(
      decodeFrames(join(folder, '00001', 'frames.mp4')).pipe(toArray()),
    );
    expect(frame?.width).toBe(WIDTH);
  });

  it('is made of what a killed process left: what was whole of video, conditions and actions alike', async () => {
    const folder = scratchPath('recordings');
    const columns = { left: 'key' };
    const recording = await startRecording({
      ...{ folder, width: WIDTH, height: HEIGHT, fps: 10, log: silentLogger },
      model: await modelOf(labels({ palette: PALETTE }), {
        actions: { path: '{name}.csv', columns },
      }),
    });
    const add = (frame: number): Promise<void> =>
      recording.add({
        rgb: drawn(frame, 3, [20, 120, 220]),
        condition: drawn(frame, 1, [0, 2, 1]),
        actions: [frame % 2],
      });
    for (let frame = 0; frame < 99; frame += 1) await add(frame);
    // Segments of four seconds: two are whole, and the third is not.
    const whole = async (): Promise<boolean> => {
      const state = join(folder, '00001.unfinished', 'state.json');
      return (await readFile(state, 'utf8').catch(() => '')).includes('"frames":80');
    };
    while (!(await whole())) await new Promise((after) => setTimeout(after, 20));
    // On the disk it is at this moment as after a kill -9, but for whose it is.
    const left = scratchPath('recordings');
    await mkdir(left, { recursive: true });
    await cp(join(folder, '00001.unfinished'), join(left, '00007.unfinished'), {
      recursive: true,
      filter: (path) => !path.endsWith('lock'),
    });
    // Of another version, damaged, and killed before anything was whole.
    for (const [name, files] of Object.entries({
      '00008': { 'take.json': '{}', 'rows.csv': '0,0\n' },
      '00009': { 'recording.json': '{"wid', 'state.json': '{}' },
      '00010': { '.recording.json.1.tmp': '' },
    })) {
      const one = join(left, `${name}.unfinished`);
      await mkdir(join(one, '0'), { recursive: true });
      for (const [file, text] of Object.entries(files)) await writeFile(join(one, file), text);
    }
    const lines: string[] = [];
    const log = createLogger({ level: 'info', write: (line) => void lines.push(line) });
    await finishRecordings(left, log);
    const said = lines.join('');
    expect(said).toMatch(/00007: .*80 frames of it were whole \(8s\) and are kept/);
    for (const name of ['00008', '00009']) {
      expect(said).toMatch(
        new RegExp(`${name}.unfinished holds no recording .* it is left as it is`),
      );
    }
    expect(said).toMatch(/00010.unfinished: .* before anything was whole/);
    expect((await readdir(left)).sort()).toEqual(['00007', '00008.unfinished', '00009.unfinished']);
    const made = join(left, '00007');
    for (const file of ['frames.mp4', 'condition.mkv']) {
      expect((await probe(join(made, file), { count: true })).frameCount).toBe(80);
    }
    const rows = (await readFile(join(made, 'actions.csv'), 'utf8')).trimEnd().split('\n');
    expect(rows).toEqual(['frame,left', ...Array.from({ length: 80 }, (_, i) => `${i},${i % 2}`)]);
    expect(JSON.parse(await readFile(join(made, 'recording.json'), 'utf8'))).toMatchObject({
      ...{ frames: 80, fps: 10, condition: 'condition.mkv', actions: 'actions.csv' },
    });
    expect((await loadPipeline(join(made, 'pipeline.yaml'))).pipeline.data.size.width).toBe(WIDTH);
    // Whose process lives is left alone.
    await finishRecordings(folder, log);
    expect(await readdir(folder)).toEqual(['00001.unfinished']);
    expect((await recording.finish())?.files.frames).toBe(99);
  });
});
