import { runSetUp } from '../../engine/set-up.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';

export interface SetupFlags {
  ffmpeg?: boolean;
  webgpu?: boolean;
}

/**
 * Runs set-up as `npm run setup` does in a clone.
 * @returns the exit code
 * @throws FrameloomError cancelled
 */
export async function setUp(flags: SetupFlags, context: Context): Promise<number> {
  const words = (['ffmpeg', 'webgpu'] as const).filter((part) => flags[part]);
  const code = await runSetUp(
    words.map((part) => `--${part}`),
    context,
  );
  return code === 0 ? EXIT.ok : EXIT.failed;
}
