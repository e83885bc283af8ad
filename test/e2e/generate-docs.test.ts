import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg, probe } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { PROGRAM, root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip, runFfmpeg } from '../video/make-clip.js';
import { makeWorkFolder, processesWith, until } from './support.js';

const TIMEOUT_MS = 300_000;
const FRAMES = 30;
const RUN = 'runs/00001-edges-to-video';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let home: string;
let guide: string;
let environment: NodeJS.ProcessEnv;

/** A program on the path of the examples. */
async function program(name: string, script: string): Promise<void> {
  const path = join(work.path, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** The folder that the guide's examples are called in. */
beforeAll(async () => {
  work = await makeWorkFolder();
  home = process.cwd();
  guide = await readFile(join(root, 'docs/generate.md'), 'utf8');
  await mkdir(join(work.path, 'bin'));
  await mkdir(join(work.path, 'clips'));
  const { ffmpegPath } = await findFfmpeg();
  await symlink(ffmpegPath, join(work.path, 'bin', 'ffmpeg'));
  await program('frameloom', `exec ${PROGRAM.join(' ')} --quiet "$@"`);
  // Players, where there is neither screen nor player: all frames are decoded.
  for (const player of ['ffplay', 'mpv']) {
    await program(player, `ffmpeg -v error -i "$@" -f framemd5 - > ${player}.txt`);
  }
  environment = {
    ...process.env,
    PATH: `${join(work.path, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
    FRAMELOOM_TEST: work.path,
  };
  await cp(await makeRun({ generator: { noiseChannels: 2 } }), join(work.path, RUN), {
    recursive: true,
  });
  const free = await makeRun({
    data: { condition: 'none' },
    generator: { noiseChannels: 2, conditionFrames: 1 },
  });
  await cp(free, join(work.path, 'runs/00002-predict-next'), { recursive: true });
  const clip = await makeClip({ frames: FRAMES });
  await cp(clip, join(work.path, 'other.mp4'));
  const short = await makeClip({ frames: 4 });
  for (const name of ['a', 'b']) await cp(short, join(work.path, 'clips', `${name}.mp4`));
  await writeFile(join(work.path, 'files.txt'), 'clips/a.mp4\nclips/b.mp4\n');
  await runFfmpeg('-i', clip, '-frames:v', '1', join(work.path, 'street.png'));
  process.chdir(work.path);
}, TIMEOUT_MS);
afterAll(async () => {
  process.chdir(home);
  await work.remove();
});

/** The commands of a section, as a reader would type them. */
function commands(section: string): string[] {
  const [text = ''] = guide.split(`## ${section}\n`)[1]?.split('\n## ') ?? [];
  return [...text.matchAll(/^\$ (.*)$/gm)].map(([, command]) => command!);
}

async function shell(command: string) {
  const child = spawn('/bin/sh', ['-c', command], {
    env: environment,
    stdio: ['ignore', 1, 'pipe'],
  });
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

/** The words of a command, as the shell hands them over. */
async function words(command: string): Promise<string[]> {
  const child = spawn('/bin/sh', ['-c', `printf '%s\\0' ${command.replace('frameloom ', '')}`]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  return text.split('\0').slice(0, -1);
}

/** Calls the commands of a section in this process. */
async function call(section: string): Promise<string[]> {
  const said: string[] = [];
  for (const command of commands(section)) {
    const { code, stdout, stderr } = await frameloom('--quiet', ...(await words(command)));
    expect([command, code, stderr]).toEqual([command, 0, '']);
    said.push(stdout);
  }
  return said;
}

const lines = async (path: string): Promise<number> =>
  (await readFile(path, 'utf8')).split('\n').filter((line) => /^\d/.test(line)).length;

describe('the guide to generating', { timeout: TIMEOUT_MS }, () => {
  it('makes one video', async () => {
    await call('One video');
    expect(await probe('generated.mp4', { count: true })).toMatchObject({
      ...{ width: 32, height: 24, frameCount: FRAMES },
    });
  });

  it('pipes between programs', async () => {
    const examples = commands('Pipes');
    expect(examples).toHaveLength(3);
    for (const command of examples) {
      expect({ command, ...(await shell(command)) }).toEqual({ command, code: 0, stderr: '' });
    }
    expect(await lines('ffplay.txt')).toBe(FRAMES);
    expect(await lines('mpv.txt')).toBe(FRAMES);
    expect((await readFile('generated.rgb')).length).toBe(FRAMES * 32 * 24 * 3);
    expect(await processesWith('FRAMELOOM_TEST', work.path)).toEqual([]);
  });

  it('makes batches', async () => {
    const [all, part] = await call('Batches');
    expect(all).toBe('2 videos: 2 made, 0 there already, 0 failed\n');
    expect(part).toMatch(/^\d videos?: \d made, 0 there already, 0 failed\n$/);
    expect(await readdir('made')).toEqual(
      expect.arrayContaining(['a.mp4', 'b.mp4', 'frameloom-manifest.jsonl']),
    );
  });

  it('samples without a video', async () => {
    await call('Sampling without a video');
    expect((await probe('made.mp4', { count: true })).frameCount).toBe(24);
    expect(await readdir('frames')).toHaveLength(24);
    expect(await probe('sheet.png')).toMatchObject({ width: 4 * 32, height: 2 * 24 });
  });
});

describe('a reader that goes away', { timeout: TIMEOUT_MS }, () => {
  it('ends it quietly, before its input has ended, and what feeds it too', async () => {
    const { ffmpegPath } = await findFfmpeg();
    const env = { ...environment, FRAMELOOM_TEST: `${work.path} closed` };
    // A live source that would go on for an hour.
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=25', '-t', '3600'];
    const feeder = spawn(ffmpegPath, ['-v', 'quiet', '-re', ...source, '-f', 'yuv4mpegpipe', '-'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const fed = once(feeder, 'exit');
    const [node = '', ...start] = PROGRAM;
    const child = spawn(node, [...start, '--quiet', 'generate', RUN, '-i', '-', '-o', '-'], {
      env,
      stdio: [feeder.stdout, 'pipe', 'pipe'],
    });
    // The end of the pipe is the child's alone.
    feeder.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    expect(first.toString('latin1', 0, 9)).toBe('YUV4MPEG2');
    expect(feeder.exitCode).toBeNull();
    child.stdout.destroy();
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect([code, signal, stderr]).toEqual([0, null, '']);
    await fed;
    await until(
      async () => (await processesWith('FRAMELOOM_TEST', env.FRAMELOOM_TEST)).length === 0,
      'the end of every process',
    );
  });
});
