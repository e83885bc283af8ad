import { setImmediate } from 'node:timers/promises';
import { FrameloomError } from '../base/error.js';
import type { Window, WindowFeed } from './types.js';

/**
 * Prepares the windows of coming steps while the present one trains: at most `ahead` of them, in
 * order, as bytes. Tensors are made only when asked for, so none is left over by close().
 * @param prepare bytes of a step
 * @param finish tensors of what was prepared
 */
export function createFeed<Prepared>(options: {
  fromStep: number;
  ahead: number;
  prepare: (step: number) => Promise<Prepared>;
  finish: (prepared: Prepared) => Window;
}): WindowFeed {
  const { ahead, prepare, finish } = options;
  if (!Number.isInteger(ahead) || ahead < 1) {
    throw new FrameloomError('bad-option', `cannot prepare ${ahead} windows ahead`, {
      hint: 'give a whole number from 1',
    });
  }
  type Outcome = { prepared: Prepared } | { error: unknown };
  const queue: Promise<Outcome>[] = [];
  let nextStep = options.fromStep;
  let waitedSeconds = 0;
  let closed = false;

  const fill = (): void => {
    while (queue.length < ahead) {
      // An error waits in the queue for the next() that it belongs to.
      queue.push(
        prepare(nextStep).then(
          (prepared) => ({ prepared }),
          (error: unknown) => ({ error }),
        ),
      );
      nextStep += 1;
    }
  };
  fill();

  return {
    get waitedSeconds() {
      return waitedSeconds;
    },
    async next(): Promise<Window> {
      if (closed) throw new FrameloomError('cancelled', 'the window feed is closed');
      const started = performance.now();
      const coming = queue.shift()!;
      fill();
      // Native training never leaves the event loop by itself: without a turn here, what ffmpeg
      // has decoded meanwhile would stay in its pipe.
      await setImmediate();
      const outcome = await coming;
      waitedSeconds += (performance.now() - started) / 1000;
      if ('error' in outcome) throw outcome.error;
      return finish(outcome.prepared);
    },
    async close(): Promise<void> {
      closed = true;
      await Promise.all(queue.splice(0));
    },
  };
}
