import { FrameIntake } from './frame-intake.js';
import { type FrameSource, isIterable } from './from-frames.js';
import type { Frame } from './types.js';

/**
 * An Observable as an async iterable. Sources that know of demand (`decodeFrames`, `fromFrames`,
 * `mapFrames`, …) are asked for a frame when one is wanted, and one is made ready meanwhile; of others
 * all that they emit waits here. Leaving the loop unsubscribes. An iterable is iterated as it is.
 * @throws what the source errors with
 */
export async function* iterateFrames<T = Frame>(
  source: FrameSource<T>,
): AsyncGenerator<T, void, undefined> {
  if (isIterable(source)) {
    yield* source;
    return;
  }
  const intake = new FrameIntake(source, 1);
  try {
    intake.open();
    for (let frame = await intake.next(); frame !== undefined; frame = await intake.next()) {
      // Given back at once: the next one is made while this one is worked on.
      intake.release();
      yield frame;
    }
  } finally {
    intake.fail(new Error('the frames are no longer wanted'));
  }
}
