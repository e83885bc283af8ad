import { asGiven } from '../base/caller.js';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { changesNetworks, describeDifference, differences } from './difference.js';
import { parsePipeline, type LoadOptions } from './load.js';
import type { Pipeline } from './schema.js';

/**
 * The pipeline that a run goes on with: its own, changed by what the command line says.
 * @param yaml the run's resolved pipeline
 * @param path where it was read from
 * @throws FrameloomError bad-pipeline, bad-option (also when the saved weights would no longer fit)
 */
export function resumePipeline(
  yaml: string,
  path: string,
  options: LoadOptions & { log?: Logger } = {},
): Pipeline {
  const { log = silentLogger, ...changes } = options;
  const before = parsePipeline(yaml, path).pipeline;
  const after = parsePipeline(yaml, path, changes).pipeline;
  const changed = differences(before, after);
  const breaking = changed.find(changesNetworks);
  if (breaking) {
    throw new FrameloomError(
      'bad-option',
      `a run cannot go on with another network: ${describeDifference(breaking)}`,
      {
        path: breaking.key,
        hint: `start a new run with it, without ${asGiven('--resume', 'resume')}`,
      },
    );
  }
  for (const difference of changed) log.info(`changed: ${describeDifference(difference)}`);
  return after;
}
