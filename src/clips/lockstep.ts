import { map, Observable } from 'rxjs';
import { zipFrames, type Frame } from '../video/index.js';

/** One of two streams went on where the other had ended. */
export class UnequalLength extends Error {
  /** Pairs that there were. */
  readonly count: number;
  readonly longer: 'first' | 'second';

  constructor(count: number, longer: 'first' | 'second') {
    super(`the ${longer} of two streams goes on after ${count} frames`);
    this.count = count;
    this.longer = longer;
  }
}

/**
 * Frame k of one stream with frame k of the other. Unlike a zip, which is done with the shorter, it
 * hears both to their end: a damaged file says so only there, and a longer stream is an error.
 * @returns errors with UnequalLength, or what a source errors with
 */
export function lockstep(
  first: Observable<Frame>,
  second: Observable<Frame>,
): Observable<readonly [Frame, Frame]> {
  return new Observable<readonly [Frame, Frame]>((subscriber) => {
    const emitted = [0, 0];
    const complete: (() => void)[] = [];
    /** Ends the streams that have ended, once the other has too or is known to be longer. */
    const release = (): void => {
      const ended = [0, 1].filter((i) => complete[i] !== undefined);
      const shorter = ended.find((i) => emitted[1 - i]! > emitted[i]!);
      if (shorter !== undefined) {
        subscriber.error(new UnequalLength(emitted[shorter]!, shorter === 0 ? 'second' : 'first'));
      } else if (ended.length === 2) {
        complete.forEach((end) => end());
      }
    };
    const heard = (source: Observable<Frame>, i: 0 | 1): Observable<Frame> =>
      new Observable<Frame>((lane) =>
        source.subscribe({
          next(frame) {
            emitted[i]! += 1;
            lane.next(frame);
            release();
          },
          error: (error: unknown) => lane.error(error),
          complete() {
            complete[i] = () => lane.complete();
            release();
          },
        }),
      );
    return zipFrames(heard(first, 0), heard(second, 1))
      .pipe(map(([a, b]) => [a!, b!] as const))
      .subscribe(subscriber);
  });
}
