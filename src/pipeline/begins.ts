import { actionColumns } from '../clips/actions.js';
import { conditionLayout } from '../clips/condition-plan.js';
import { beginAs } from '../training/beginning.js';
import { createModel } from '../training/model.js';
import { originCondition, type Origin } from '../training/run/origin.js';
import type { Pipeline } from './schema.js';

/**
 * Refuses a pipeline that cannot start from an origin, before anything is made of it.
 * @param baseFolder that relative paths of the pipeline start from
 * @throws FrameloomError as `beginAs`; not-found, bad-data of a palette
 */
export async function assertBegins(
  origin: Origin,
  pipeline: Pipeline,
  baseFolder: string,
): Promise<void> {
  const { condition } = pipeline.data;
  const layout = await conditionLayout(pipeline.data, baseFolder);
  const model = createModel(pipeline, layout.channels, actionColumns(layout));
  beginAs(origin, model, originCondition(condition, layout), pipeline.seed);
}
