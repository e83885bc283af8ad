/**
 * Does the video layer run in constant memory? Decodes a 20,000-frame 256×144 video, passes every
 * frame on as it is, encodes it again, and watches this process's resident memory: after the
 * first 500 frames it must stay within ±50 MiB. Then a slow consumer, to see that ffmpeg waits.
 *
 *   npx tsx bench/streaming-memory.ts [frames]
 *
 * Or 100,000 tiny frames from one pipe into another, as they are or by an exported generator:
 *
 *   npx tsx bench/streaming-memory.ts --pipe [frames] [generator.onnx]
 */
import './support/help.js';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { lastValueFrom, map, take } from 'rxjs';
import { throughPipe } from './streaming/pipe.js';
import { ResidentMemory } from './streaming/resident.js';
import { decodeFrames, encodeFrames, findFfmpeg, mapFrames, probe } from '../src/video/index.js';

const MIB = 2 ** 20;
const SETTLED_FRAMES = 500;
const ALLOWED_MIB = 50;

async function makeInput(path: string, frames: number): Promise<void> {
  const { ffmpegPath } = await findFfmpeg();
  await promisify(execFile)(ffmpegPath, [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=size=256x144:rate=25'],
    ...['-frames:v', String(frames), '-pix_fmt', 'yuv420p', '-preset', 'ultrafast', path],
  ]);
}

async function streaming(frames: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-bench-'));
  try {
    const [input, output] = [join(folder, 'in.mp4'), join(folder, 'out.mp4')];
    await makeInput(input, frames);
    const memory = new ResidentMemory(SETTLED_FRAMES);
    const begin = performance.now();
    const result = await lastValueFrom(
      decodeFrames(input).pipe(
        map((frame) => {
          memory.see();
          return frame;
        }),
        encodeFrames(output, { fps: 25, preset: 'ultrafast' }),
      ),
    );
    const seconds = (performance.now() - begin) / 1000;
    const { frameCount } = await probe(output);
    const { flat, words } = memory.judge(ALLOWED_MIB);
    console.log(
      `decode → identity → encode: ${result.frames} frames in ${seconds.toFixed(1)} s ` +
        `(${(result.frames / seconds).toFixed(0)} frames/s), ${frameCount ?? '?'} in the output`,
    );
    console.log(words);

    let [inFlight, mostInFlight] = [0, 0];
    const before = process.memoryUsage.rss();
    await lastValueFrom(
      decodeFrames(input).pipe(
        take(200),
        map((frame) => {
          inFlight += 1;
          mostInFlight = Math.max(mostInFlight, inFlight);
          return frame;
        }),
        mapFrames(async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          inFlight -= 1;
        }),
      ),
    );
    const grown = (process.memoryUsage.rss() - before) / MIB;
    console.log(
      `a consumer of 20 ms a frame: at most ${mostInFlight} frame(s) in flight, ` +
        `memory ${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB over 200 frames`,
    );
    if (!flat || frameCount !== frames || mostInFlight > 2) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pipe(frames: number, generator: string | undefined): Promise<void> {
  const { written, bytes, seconds, memory } = await throughPipe(frames, generator);
  const { flat, words } = memory.judge(ALLOWED_MIB);
  console.log(
    `pipe → ${generator ?? 'as they are'} → pipe: ${written} frames in ${seconds.toFixed(1)} s ` +
      `(${(written / seconds).toFixed(0)} frames/s), ${bytes} bytes`,
  );
  console.log(words);
  if (!flat || written !== frames) process.exitCode = 1;
}

const { values, positionals } = parseArgs({
  options: { pipe: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [asked, generator] = positionals;
if (values.pipe) await pipe(Number(asked ?? 100_000), generator);
else await streaming(Number(asked ?? 20_000));
