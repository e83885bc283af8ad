import { FrameloomError } from '../base/error.js';
import type { MotionEstimator } from '../clips/index.js';
import { imageFromBytes, openFlow, visibleMask } from '../metrics/index.js';
import type { LossOptions } from './options.js';

type Taught = Pick<LossOptions, 'flowTeacher'>;

/**
 * Refuses a teacher of a flow that there is none of.
 * @throws FrameloomError bad-option
 */
export function assertFlowTeacherFits({
  losses,
  generator: { flow, historyFrames },
}: {
  readonly losses: Taught;
  readonly generator: { readonly flow: boolean; readonly historyFrames: number };
}): void {
  if (losses.flowTeacher === 0 || (flow && historyFrames > 0)) return;
  throw new FrameloomError('bad-option', 'this generator has no flow that could be taught', {
    path: 'losses.flowTeacher',
    hint: flow
      ? 'set it to 0, or raise generator.historyFrames'
      : 'set it to 0, or generator.flow to true',
  });
}

/**
 * What teaches flow: Farnebäck's between real frames, as the measures have it, where it leads back to where it came
 * from and no border of motions is near.
 * @returns nothing where none is weighed
 * @throws FrameloomError backend where OpenCV does not start
 */
export async function openFlowTeacher({
  flowTeacher,
}: Taught): Promise<{ readonly motion?: MotionEstimator }> {
  if (flowTeacher === 0) return {};
  const estimator = await openFlow();
  return {
    motion: (nowBytes, beforeBytes, { width, height }) => {
      const size = { width, height, channels: 3 };
      const [now, before] = [imageFromBytes(nowBytes, size), imageFromBytes(beforeBytes, size)];
      const flow = estimator.flow(now, before);
      return { flow: flow.data, seen: visibleMask(flow, estimator.flow(before, now)) };
    },
  };
}
