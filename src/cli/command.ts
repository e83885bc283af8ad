import type { Command } from 'commander';
import type { Context } from './terminal/context.js';

/** Runs a command's work in its context; the work returns the exit code. */
export type Run = (work: (context: Context) => Promise<number>, command: Command) => Promise<void>;

/** Adds one command to the program. */
export type Register = (program: Command, run: Run) => void;

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
];
