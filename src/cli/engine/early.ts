import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxThread } from '../../synthesis/engines/thread/host.js';
import { findFfmpeg } from '../../video/ffmpeg-path.js';
import type { EngineFlags } from './flags.js';

const mayUseOnnx = (place: string, { engine }: EngineFlags): boolean =>
  engine !== 'tensorflow' &&
  (/\.onnx$/i.test(place) || existsSync(join(place, 'exports', 'generator.onnx')));

/**
 * Does work in a thread for ONNX Runtime that was started before anything else was loaded: while
 * this thread reads the program, that one reads its engine, and ffmpeg is looked for. The thread is
 * gone afterwards.
 */
export async function withEarlyStart<T>(
  place: string,
  flags: EngineFlags,
  work: (thread: OnnxThread | undefined) => Promise<T>,
): Promise<T> {
  const thread = mayUseOnnx(place, flags) ? new OnnxThread() : undefined;
  // Whoever needs it asks again and is told what is wrong.
  findFfmpeg().catch(() => undefined);
  try {
    return await work(thread);
  } finally {
    await thread?.close();
  }
}
