import type { Logger } from '../../base/log.js';
import type { ConditionOptions } from '../../clips/condition-options.js';
import { parseOverride } from '../../pipeline/overrides.js';
import type { TrustFlags } from './trust-flag.js';

/** Says of --trust-filters where there is no filtergraph to run. */
export function warnOfIdleTrust(
  { trustFilters }: TrustFlags,
  condition: ConditionOptions,
  log: Logger,
): void {
  if (!trustFilters || (condition.kind === 'derived' && 'filtergraph' in condition)) return;
  log.warn('--trust-filters does nothing: the model’s condition is no filtergraph');
}

/** What replaces the whole of a file's filtergraph. */
const GRAPH_KEYS = new Set(['data', 'data.condition', 'data.condition.filtergraph']);

/**
 * Whether the filtergraph may do anything that ffmpeg can: because the user says so, or because it
 * is not the file's at all but was written on the command line.
 */
export const trustsFilters = (flags: TrustFlags): boolean =>
  flags.trustFilters === true ||
  (flags.set ?? []).some((text) => GRAPH_KEYS.has(parseOverride(text).path.join('.')));
