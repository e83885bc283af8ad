/** The command line, from its words to the process's exit code. */
import { readFileSync } from 'node:fs';
import { STOPPING } from './terminal/interrupt.js';
import { processTerminal } from './terminal/context.js';
import { runCommandLine } from './run-command.js';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const exitCode = await runCommandLine(process.argv.slice(2), version, processTerminal());
process.exitCode = exitCode;
// What is left is to flush and to let go: a signal may hasten that, but not change how it ended.
for (const signal of STOPPING) {
  process.once(signal, () => process.exit(exitCode));
}
