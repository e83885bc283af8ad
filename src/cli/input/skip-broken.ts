import type { Command } from 'commander';
import type { BrokenClip } from '../../clips/broken.js';
import type { Context } from '../terminal/context.js';

export interface SkipFlags {
  skipBroken?: boolean;
  set?: readonly string[];
}

/** Adds --skip-broken, which stands for a key of the pipeline. */
export const addSkipFlag = (command: Command): Command =>
  command.option('--skip-broken', 'leave out clips that cannot be used, and list them');

/** All settings of a command line. */
export const settingsOf = ({ set = [], skipBroken }: SkipFlags): string[] => [
  ...set,
  ...(skipBroken ? ['data.onBroken=skip'] : []),
];

/**
 * What `check --json` prints where clips cannot be used, before the error of the same words ends it.
 * @param broken as they were told; nothing is printed of none
 */
export function printBroken(
  pipeline: string,
  broken: readonly BrokenClip[],
  { terminal }: Context,
): void {
  if (broken.length === 0) return;
  const list = broken.map(({ path, code, reason }) => ({ path, code, reason }));
  terminal.out(`${JSON.stringify({ pipeline, broken: list }, null, 2)}\n`);
}
