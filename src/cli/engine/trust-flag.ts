import type { Command } from 'commander';

export interface TrustFlags {
  trustFilters?: boolean;
  set?: readonly string[];
}

/** --trust-filters, for every command that runs the filtergraph of a file. */
export const addTrustFlag = (command: Command): Command =>
  command.option(
    '--trust-filters',
    'run a filtergraph of the file that could do more than change pictures',
  );
