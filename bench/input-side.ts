/**
 * Does the input side keep up? Frames a second from a file to windows of tensors, against ffmpeg
 * that decodes the same file to nowhere; then the share of training's time spent waiting for data.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bufferCount, lastValueFrom, reduce } from 'rxjs';
import { graphRunner } from '../src/backend/graph/index.js';
import { useBackend } from '../src/backend/index.js';
import { bytesToTensor, dataOptions, openDataset } from '../src/clips/index.js';
import { registerKernels } from '../src/kernels/index.js';
import { decodeFrames, findFfmpeg } from '../src/video/index.js';
import { say } from './support/files.js';
import { alternate, type Timed } from './support/rounds.js';
import { sizeText, type Context, type Size } from './support/settings.js';
import { spreadOf, spreadText, table } from './support/statistics.js';
import { LEAD, openSubject } from './support/subject.js';

const FRAME_RATE = 25;

async function ffmpegSeconds(args: readonly string[]): Promise<number> {
  const { ffmpegPath } = await findFfmpeg();
  const started = performance.now();
  await promisify(execFile)(ffmpegPath, ['-v', 'error', '-nostdin', ...args]);
  return (performance.now() - started) / 1000;
}

const makeClip = (path: string, size: Size, frames: number): Promise<number> =>
  ffmpegSeconds([
    ...['-f', 'lavfi', '-i', `testsrc2=size=${sizeText(size)}:rate=${FRAME_RATE}`],
    ...['-frames:v', String(frames), '-pix_fmt', 'yuv420p', '-preset', 'veryfast', path],
  ]);

/** Decodes a whole file into windows of tensors, each let go at once. @returns seconds */
async function windowSeconds(path: string, length: number, expected: number): Promise<number> {
  const started = performance.now();
  const frames = await lastValueFrom(
    decodeFrames(path).pipe(
      bufferCount(length),
      reduce((sum, window) => {
        const { width, height } = window[0]!;
        const bytes = Buffer.concat(window.map(({ data }) => data));
        bytesToTensor(bytes, [1, window.length, height, width, 3]).dispose();
        return sum + window.length;
      }, 0),
    ),
  );
  if (frames !== expected) throw new Error(`${frames} of ${expected} frames came`);
  return (performance.now() - started) / 1000;
}

/** Trains on the clip, its outlines as condition, with the trainer's own feed. */
async function waiting(context: Context, clip: string, size: Size, steps: number) {
  const { preset, frames } = context;
  const data = dataOptions.parse({
    clips: clip,
    size: sizeText(size),
    condition: { kind: 'derived', preset: 'edges' },
  });
  const dataset = await openDataset(data, {
    ...{ seed: 1, baseFolder: '.', historyFrames: LEAD, conditionFrames: 3, windowFrames: frames },
  });
  const runner = graphRunner();
  const subject = openSubject({ preset, size, frames, runner });
  const feed = dataset.prefetch({ fromStep: 0, plan: () => ({ frames, batch: 1 }) });
  try {
    const train = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        const window = await feed.next();
        await subject.step(window);
        window.dispose();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    // The first steps record the graph, and the feed fills meanwhile.
    await train(2);
    const [started, waited] = [performance.now(), feed.waitedSeconds];
    await train(steps);
    const seconds = (performance.now() - started) / 1000;
    const waitedSeconds = feed.waitedSeconds - waited;
    return { steps, seconds, waitedSeconds, share: waitedSeconds / seconds };
  } finally {
    await feed.close();
    subject.dispose();
    runner.dispose();
    await dataset.close();
  }
}

const rates = ({ seconds }: Timed, frames: number): number[] =>
  seconds.map((value) => frames / value);

export async function inputSide(context: Context) {
  await useBackend();
  registerKernels();
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-bench-'));
  const frames = context.quick ? 300 : 3000;
  try {
    const sizes = [];
    for (const size of context.sizes) {
      const clip = join(folder, `${sizeText(size)}.mp4`);
      await makeClip(clip, size, frames);
      const timed = await alternate(
        [
          {
            name: 'Frameloom, decodeFrames to windows',
            run: () => windowSeconds(clip, LEAD + context.frames, frames),
          },
          { name: 'ffmpeg -f null', run: () => ffmpegSeconds(['-i', clip, '-f', 'null', '-']) },
          {
            name: 'ffmpeg -pix_fmt rgb24 -f null',
            run: () => ffmpegSeconds(['-i', clip, '-pix_fmt', 'rgb24', '-f', 'null', '-']),
          },
        ],
        context.rounds,
      );
      const [ours] = timed;
      say(`\nreading a file of ${frames} frames, ${sizeText(size)}`);
      say(
        table([
          ['', 'frames/s', "Frameloom's rate by it"],
          ...timed.map((side) => [
            side.name,
            spreadOf(rates(side, frames)).median.toFixed(0),
            side === ours ? '' : spreadText(side.seconds.map((s, i) => s / ours!.seconds[i]!)),
          ]),
        ]),
      );
      const wait = await waiting(context, clip, size, context.quick ? 5 : 60);
      say(
        `training waited for data ${(100 * wait.share).toFixed(2)} % of ${wait.seconds.toFixed(1)} s ` +
          `(${wait.steps} steps, T = ${context.frames})`,
      );
      sizes.push({ size: sizeText(size), frames, timed, waiting: wait });
    }
    const charts = sizes.map(({ size, timed }) => ({
      title: `Reading a file, ${size}`,
      unit: 'frames a second, median; longer is better',
      bars: timed.map((side) => {
        const value = spreadOf(rates(side, frames)).median;
        const ours = side.name.startsWith('Frameloom');
        return { name: side.name, value, text: value.toFixed(0), ours };
      }),
    }));
    return { sizes, charts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
