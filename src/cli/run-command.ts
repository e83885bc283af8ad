import { CommanderError } from 'commander';
import { asCommandLine } from '../base/caller.js';
import { isFrameloomError } from '../base/error.js';
import { writeError } from '../base/outputs.js';
import type { Logger } from '../base/log.js';
import { createContext, type Terminal } from './terminal/context.js';
import { EXIT, exitCodeOf } from './terminal/exit-code.js';
import { cancelled, watchInterrupts } from './terminal/interrupt.js';
import { Screen } from './terminal/screen.js';
import { buildProgram, globalFlags } from './program.js';
import { usageError } from './usage-error.js';

/** The one place where an error becomes words, or a line for programs, and an exit code. */
export function reportError(error: unknown, { log, screen }: Reporter): number {
  if (isFrameloomError(error)) {
    const { code, hint, path } = error;
    const fields = {
      code,
      ...(hint !== undefined && { hint }),
      ...(path !== undefined && { path }),
    };
    // Stopping was asked for: it is no error, and is told even to who wants to hear of errors only.
    if (screen === undefined) log[code === 'cancelled' ? 'info' : 'error'](error.message, fields);
    else if (code === 'cancelled') screen.err(`${error.toLine()}\n`);
    else log.error(error.toLine());
    return exitCodeOf(code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error(`${stack}\nThis is a defect of Frameloom. Please report it with the lines above.`);
  return EXIT.failed;
}

/** Where the end of a command is told. */
export interface Reporter {
  readonly log: Logger;
  /** Absent where lines are for programs. */
  readonly screen?: Pick<Screen, 'err'> | undefined;
}

/**
 * Runs one command line to its end.
 * @param args the words after the program's name
 * @returns the exit code
 */
export function runCommandLine(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  return asCommandLine(() => run(args, version, terminal));
}

async function run(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  const screen = new Screen(terminal);
  // Complaints about the words come before these are read.
  const logJson = args.includes('--log-json');
  const { log } = createContext({ logJson }, screen, new AbortController().signal);
  const reporter: Reporter = { log, ...(!logJson && { screen }) };
  let exitCode: number = EXIT.ok;
  const program = buildProgram(version, async (work, command) => {
    const interrupts = watchInterrupts(() => {
      if (screen.isHandedOver) return;
      const words = 'stopping in order; Ctrl-C again stops at once';
      if (logJson) log.info(words);
      else screen.interject(`${words}\n`);
    });
    try {
      exitCode = await work(createContext(globalFlags(command), screen, interrupts.signal));
    } catch (error) {
      // A library that was aborted may throw the signal's reason or an error of its own.
      const isAbort = error instanceof Error && error.name === 'AbortError';
      exitCode = reportError(isAbort && interrupts.signal.aborted ? cancelled() : error, reporter);
    } finally {
      interrupts.stop();
      if (exitCode === EXIT.cancelled) exitCode = interrupts.exitCode() ?? exitCode;
    }
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => screen.out(text),
      writeErr: (text) => screen.err(text),
      // Told below, with what to do.
      outputError: () => undefined,
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, reporter);
    // Help and version are no errors; every other complaint of the parser is about usage.
    if (error.exitCode !== 0) {
      if (error.code !== 'commander.help') reportError(usageError(error, program, args), reporter);
      return EXIT.usage;
    }
    // What standard output did not take of them is known a moment later.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const unwritten = terminal.failure?.();
  if (exitCode !== EXIT.ok || unwritten === undefined) return exitCode;
  return reportError(writeError('standard output', unwritten), reporter);
}
