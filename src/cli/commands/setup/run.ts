import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../base/own-package.js';
import type { Context } from '../../terminal/context.js';
import { cancelled } from '../../terminal/interrupt.js';
import { EXIT } from '../../terminal/exit-code.js';

export interface SetupFlags {
  ffmpeg?: boolean;
}

/**
 * Runs set-up as `npm run setup` does in a clone. It is a program of its own, which runs before anything
 * is compiled, and has its own words.
 * @returns the exit code
 * @throws FrameloomError cancelled
 */
export async function setUp(flags: SetupFlags, { signal }: Context): Promise<number> {
  const script = join(packageRoot, 'scripts', 'setup.mjs');
  const child = spawn(process.execPath, [script, ...(flags.ffmpeg ? ['--ffmpeg'] : [])], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches it through the terminal; what reaches this process alone has to be passed on.
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (signal.aborted) throw cancelled();
    return code === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
