import { spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { lastValueFrom, tap } from 'rxjs';
import { generateVideo, openThreadedModel } from '../../src/synthesis/index.js';
import { encodeFrames, findFfmpeg, openVideo } from '../../src/video/index.js';
import { ResidentMemory } from './resident.js';

const SETTLED_FRAMES = 2000;
const SIZE = '32x24';

/** Takes everything and keeps nothing. */
function countingSink(): { sink: Writable; bytes: () => number } {
  let bytes = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, taken) => {
      bytes += chunk.length;
      taken();
    },
  });
  return { sink, bytes: () => bytes };
}

/**
 * Many tiny frames from a pipe of y4m into a pipe of raw frames: passed on as they are, or by a
 * generator.
 * @param generator an exported file; passed on as they are unless given
 */
export async function throughPipe(frames: number, generator: string | undefined) {
  const { ffmpegPath } = await findFfmpeg();
  const source = spawn(
    ffmpegPath,
    [
      ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', `testsrc2=size=${SIZE}:rate=25`],
      ...['-frames:v', String(frames), '-pix_fmt', 'yuv420p', '-f', 'yuv4mpegpipe', '-'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const memory = new ResidentMemory(Math.min(SETTLED_FRAMES, frames / 4));
  const { sink, bytes } = countingSink();
  const begun = performance.now();
  const see = (): void => memory.see();
  let written: number;
  if (generator === undefined) {
    const video = await openVideo(source.stdout);
    const result = await lastValueFrom(
      video.decode().pipe(tap(see), encodeFrames(sink, { fps: 25, format: 'raw' })),
    );
    written = result.frames;
  } else {
    const model = await openThreadedModel(generator);
    const synthesizer = model.open();
    const result = await generateVideo(model, {
      ...{ input: source.stdout, output: sink, format: 'raw', startFrames: 0, baseFolder: '.' },
      ...{ synthesizer, onFrame: see },
    });
    written = result.frames;
    await model.release();
  }
  return { written, bytes: bytes(), seconds: (performance.now() - begun) / 1000, memory };
}
