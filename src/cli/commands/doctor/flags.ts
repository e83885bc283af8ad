import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { EXIT } from '../../terminal/exit-code.js';

/** `frameloom doctor` */
export const registerDoctor: Register = (program, run) => {
  program
    .command('doctor')
    .description('say what Frameloom runs on here, and how to mend what is missing')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom doctor
  $ frameloom doctor --json`,
    )
    .action((flags: { json?: boolean }, command: Command) =>
      run(async ({ terminal }) => {
        const { doctor } = await import('./run.js');
        const { ok } = await doctor({
          json: flags.json ?? false,
          write: (text) => terminal.out(text),
        });
        return ok ? EXIT.ok : EXIT.failed;
      }, command),
    );
};
