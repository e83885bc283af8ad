import type { Terminal } from '../../src/cli/terminal/context.js';
import { runCommandLine } from '../../src/cli/run-command.js';

export interface Recorded extends Terminal {
  readonly stdout: string;
  readonly stderr: string;
}

/** A terminal that keeps what it is told. */
export function recorder(): Recorded {
  let stdout = '';
  let stderr = '';
  return {
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    interactive: false,
    columns: 80,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
  };
}

/** Runs a command line in this process. */
export async function frameloom(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = recorder();
  const code = await runCommandLine(args, '1.2.3', terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}
