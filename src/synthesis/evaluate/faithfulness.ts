import type { FaithfulnessContext, FaithfulnessJudge } from './faithfulness-judge.js';
import { openLabelFaithfulness } from './label-faithfulness.js';
import { openPictureFaithfulness } from './picture-faithfulness.js';

/**
 * A judge for the kind of condition: a derived one is made of the generated frames by its own filtergraph, label maps
 * are seen in them by a segmenter. Nothing can tell of a paired picture.
 * @returns null where there is no condition, or nothing to judge it by, and of keyframes
 * @throws FrameloomError as reading and training do; untrusted when the first rollout begins
 */
export async function openFaithfulness(
  context: FaithfulnessContext,
): Promise<FaithfulnessJudge | null> {
  const { condition, keyframes } = context.data;
  // What was painted need not look like what it was painted over.
  if (keyframes) return null;
  if (condition.kind === 'derived') return openPictureFaithfulness(context, condition);
  if (condition.kind === 'paired' && condition.content === 'labels') {
    return openLabelFaithfulness(context);
  }
  return null;
}
