import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { resolvePreference, type BackendChoice } from '../../backend/ladder.js';
import { cacheFolder } from '../../base/cache-folder.js';
import { isClone, packageRoot } from '../../base/own-package.js';
import { provided } from '../../base/provisions.mjs';
import type { Context } from '../terminal/context.js';
import { cancelled } from '../terminal/interrupt.js';

/** Where the package lies whose set-up it is. */
export interface SetUpPlace {
  readonly root: string;
  readonly cache: string;
  readonly isClone: boolean;
}

const ownPlace = (): SetUpPlace => ({
  root: packageRoot,
  cache: cacheFolder(),
  isClone: isClone(),
});

/**
 * Runs set-up, a program of its own, which runs before anything is compiled, and has its own words.
 * @param quietly its words go to standard error: what is asked for is something else
 * @returns the exit code
 * @throws FrameloomError cancelled
 */
export async function runSetUp(
  words: readonly string[],
  { signal }: Pick<Context, 'signal'>,
  { root = packageRoot, quietly = false }: { root?: string; quietly?: boolean } = {},
): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'scripts', 'setup.mjs'), ...words], {
    stdio: ['inherit', quietly ? process.stderr : 'inherit', 'inherit'],
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
    return code ?? 1;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Sets native TensorFlow up where a command needs it and an installed package has none yet: once a machine. Not where
 * another backend is named, nor where FRAMELOOM_TENSORFLOW=none says that there is to be none. A clone is set up by npm.
 * Where it cannot be set up, set-up has said why, and whoever loads it says what can be done.
 * @throws FrameloomError cancelled; bad-option for a FRAMELOOM_BACKEND that there is not
 */
export async function provideNative(
  { backend }: { readonly backend?: BackendChoice | undefined },
  context: Pick<Context, 'log' | 'signal'>,
  place: SetUpPlace = ownPlace(),
): Promise<void> {
  const { root, cache } = place;
  if (place.isClone || process.env.FRAMELOOM_TENSORFLOW === 'none') return;
  if (!['auto', 'tensorflow'].includes(resolvePreference(backend))) return;
  if (provided('tensorflow-cpu', { cache, root }) ?? provided('tensorflow-gpu', { cache, root })) {
    return;
  }
  context.log.info(
    'native TensorFlow is not there yet: it is set up now, once for this machine (some 400 MB, a few minutes)',
  );
  await runSetUp([], context, { root, quietly: true });
}
