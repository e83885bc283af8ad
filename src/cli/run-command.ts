import { CommanderError } from 'commander';
import { isFrameloomError } from '../base/error.js';
import { writeError } from '../base/outputs.js';
import { createContext, type Terminal } from './terminal/context.js';
import { EXIT, exitCodeOf } from './terminal/exit-code.js';
import { cancelled, watchInterrupts } from './terminal/interrupt.js';
import { buildProgram, globalFlags } from './program.js';

/** The one place where an error becomes words and an exit code. */
export function reportError(error: unknown, terminal: Terminal): number {
  if (isFrameloomError(error)) {
    terminal.err(`${error.code === 'cancelled' ? '' : 'error: '}${error.toLine()}\n`);
    return exitCodeOf(error.code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`${stack}\nThis is a defect of Frameloom. Please report it with the lines above.\n`);
  return EXIT.failed;
}

/**
 * Runs one command line to its end.
 * @param args the words after the program's name
 * @returns the exit code
 */
export async function runCommandLine(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(version, async (work, command) => {
    const interrupts = watchInterrupts(() =>
      terminal.err('\nstopping in order; Ctrl-C again stops at once\n'),
    );
    try {
      exitCode = await work(createContext(globalFlags(command), terminal, interrupts.signal));
    } catch (error) {
      // A library that was aborted may throw the signal's reason or an error of its own.
      const isAbort = error instanceof Error && error.name === 'AbortError';
      exitCode = reportError(isAbort && interrupts.signal.aborted ? cancelled() : error, terminal);
    } finally {
      interrupts.stop();
      if (exitCode === EXIT.cancelled) exitCode = interrupts.exitCode() ?? exitCode;
    }
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, terminal);
    // Help and version are no errors; every other complaint of the parser is about usage.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const unwritten = terminal.failure?.();
  if (exitCode !== EXIT.ok || unwritten === undefined) return exitCode;
  return reportError(writeError('standard output', unwritten), terminal);
}
