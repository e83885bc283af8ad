import { defer, map, tap, type Observable } from 'rxjs';
import type { Frame } from '../../video/index.js';
import type { FrameMaker } from './frame-maker.js';
import type { FrameSource } from './frame-source.js';

/** One frame of a rollout, with what it was made from and what it may be held against. */
export interface RolledFrame {
  /** rgb24: generated, or one of the real ones that it starts with. */
  readonly frame: Frame;
  /** What drove it, as the layout holds it; of a model without conditions it only keeps time. */
  readonly condition: Frame;
  /** The input's own frame, rgb24; null where it was not asked for, or there is none. */
  readonly real: Frame | null;
}

/**
 * The frames that a maker makes of a source, each with its condition. A maker gives one frame for each
 * condition, in order, so what waits here is what it is working on.
 */
export const rollOut = (
  { conditions, takeReal }: Pick<FrameSource, 'conditions' | 'takeReal'>,
  maker: FrameMaker,
): Observable<RolledFrame> =>
  defer(() => {
    const waiting: Omit<RolledFrame, 'frame'>[] = [];
    return conditions.pipe(
      tap((condition) => waiting.push({ condition, real: takeReal?.() ?? null })),
      maker.operator,
      map((frame) => ({ ...waiting.shift()!, frame })),
    );
  });
