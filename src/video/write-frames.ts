import type { Writable } from 'node:stream';
import { defer, lastValueFrom } from 'rxjs';
import { encodeFrames } from './encode.js';
import { fromFrames, type FrameSource, isIterable } from './from-frames.js';
import type { EncodeOptions, EncodeResult } from './types.js';

/**
 * Writes frames of any iterable (or Observable) as a video, as `encodeFrames` does. A frame is asked
 * for when the encoder can take one; three wait at most, whatever the source makes in the time.
 * Whatever happens, the iterable is left and ffmpeg gone when this ends.
 *
 * @param target a path, `-` for standard output, or a stream; the extension chooses the format
 * @param options `fps` unless the frames say at what rate they are
 * @returns once the file is complete and in its place
 * @throws FrameloomError as encodeFrames; what the iterable throws
 */
export async function writeFrames(
  frames: FrameSource,
  target: string | Writable,
  options: EncodeOptions = {},
): Promise<EncodeResult> {
  const source = { begun: false };
  const taken = defer(() => {
    source.begun = true;
    return fromFrames(frames);
  });
  try {
    return await lastValueFrom(taken.pipe(encodeFrames(target, options)));
  } catch (error) {
    // What refuses the options has asked for nothing; whoever waits for the frames to be taken would
    // wait for ever.
    if (!source.begun && isIterable(frames) && Symbol.asyncIterator in frames) {
      await frames[Symbol.asyncIterator]().return?.();
    }
    throw error;
  }
}
