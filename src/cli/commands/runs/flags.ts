import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { EXIT } from '../../terminal/exit-code.js';

/** `frameloom runs` */
export const registerRuns: Register = (program, run) => {
  program
    .command('runs')
    .description('list the runs of a folder: how far they are, how good, how large')
    .argument('[folder]', 'where the runs are; runs unless given')
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom runs
  $ frameloom runs elsewhere/runs --json`,
    )
    .action((folder: string | undefined, flags: { json?: boolean }, self: Command) =>
      run(async ({ terminal }) => {
        const { findRuns } = await import('../../report/run-facts.js');
        const { formatRuns } = await import('./run.js');
        const root = folder ?? 'runs';
        const runs = await findRuns(root);
        terminal.out(flags.json ? `${JSON.stringify(runs, null, 2)}\n` : formatRuns(runs, root));
        return EXIT.ok;
      }, self),
    );
};
