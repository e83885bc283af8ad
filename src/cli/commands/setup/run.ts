import { runSetUp } from '../../engine/set-up.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';

export interface SetupFlags {
  ffmpeg?: boolean;
}

/**
 * Runs set-up as `npm run setup` does in a clone.
 * @returns the exit code
 * @throws FrameloomError cancelled
 */
export async function setUp(flags: SetupFlags, context: Context): Promise<number> {
  const code = await runSetUp(flags.ffmpeg ? ['--ffmpeg'] : [], context);
  return code === 0 ? EXIT.ok : EXIT.failed;
}
