import { asGiven } from '../base/caller.js';
import { FrameloomError } from '../base/error.js';
import { impurityOf } from '../video/pure-filters.js';
import type { ConditionOptions } from './condition-options.js';

/** As much of a graph as an error shows. */
const SHOWN_CHARACTERS = 400;

/**
 * Refuses a filtergraph that could do more than turn pictures into pictures. ffmpeg has filters that
 * read and write files, open addresses and load plugins, and pipelines, runs and exported files are
 * passed on: whoever uses one must not have to read it first.
 * @param trustFilters the user knows the graph, or trusts whoever wrote it
 * @throws FrameloomError untrusted, with the graph and what is in it
 */
export function assertTrusted(options: ConditionOptions, trustFilters: boolean): void {
  if (trustFilters || options.kind !== 'derived' || !('filtergraph' in options)) return;
  const { filtergraph } = options;
  const impurity = impurityOf(filtergraph);
  if (impurity === undefined) return;
  const shown =
    filtergraph.length > SHOWN_CHARACTERS
      ? `${filtergraph.slice(0, SHOWN_CHARACTERS)}…`
      : filtergraph;
  throw new FrameloomError(
    'untrusted',
    // Control characters escaped: the text is a stranger's, and a terminal obeys them.
    `the filtergraph ${JSON.stringify(shown)} is not run: ${impurity} may do more than change pictures`,
    {
      path: 'data.condition.filtergraph',
      hint: `if you trust whoever wrote it, add ${asGiven('--trust-filters', 'trustFilters: true')}`,
    },
  );
}
