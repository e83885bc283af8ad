import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { networkInterfaces, setPriority } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError } from '../../../base/error.js';
import type { Device } from '../../../export/runtime.js';
import { isEverywhere, isLoopback } from '../../../serve/guard.js';
import { startLive, type RunningLive } from '../../../serve/live.js';
import type { OnnxThread } from '../../../synthesis/engines/thread/host.js';
import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';
import { refuseIdle } from '../../idle-options.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { hearTraining } from './from-parent.js';
import { openBrowser } from './open-browser.js';

/** Less than what others do, as `nice` counts. */
const BESIDE_A_TRAINING = 10;

export interface LiveFlags {
  port?: number;
  host?: string;
  open: boolean;
  snapshot?: SnapshotChoice;
  fps?: number;
  size?: { readonly width: number; readonly height: number };
  seed?: number;
  device?: Device;
  threads?: number;
  folder?: string;
  trustFilters?: boolean;
  json?: boolean;
  /** The folder to write the page into: `export.ts`. */
  export?: string;
  overwrite?: boolean;
}

/** What is wrong with the place is told before anything is opened. @throws FrameloomError not-found */
async function assertPlace(place: string): Promise<void> {
  if (!/\.onnx$/i.test(place)) {
    if (await stat(join(place, 'pipeline.yaml')).catch(() => null)) return;
    // Which knows what is wrong with it.
    const { openRun } = await import('../../../training/run/run-folder.js');
    await openRun(place);
    return;
  }
  const facts = await stat(place).catch(() => null);
  if (facts?.isFile()) return;
  throw new FrameloomError('not-found', `${place} does not exist`, {
    path: place,
    hint: 'write it with `frameloom export`',
  });
}

/** Addresses of this machine that others may reach it at. */
const addresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);

/** Says what a server at such an address opens, and to whom. */
function warnOfOthers({ host, port }: RunningLive, { log }: Context): void {
  if (isLoopback(host)) return;
  const at = isEverywhere(host) ? addresses() : [host];
  const where = at.length === 0 ? `port ${port}` : at.map((one) => `${one}:${port}`).join(', ');
  log.warn(
    `--host ${host} opens this to other machines, unencrypted: who reaches ${where} and knows the token plays with the generator, sees the clips it was trained on, and saves drawings and recordings here`,
  );
}

/** Serves a run until it is told to stop. @returns the exit code: that is its end, and no failure */
export async function runLive(
  place: string,
  flags: LiveFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<number> {
  const { log, signal, terminal } = context;
  const { port, host, snapshot, fps, size, seed, device, threads, folder, trustFilters } = flags;
  if (/\.onnx$/i.test(place)) {
    refuseIdle({ option: '--snapshot', given: snapshot, why: 'beside a file, which holds one' });
  }
  await assertPlace(place);
  const live = await startLive({
    ...{ place, port, host, snapshot, fps, size, seed, device, threads, folder, trustFilters },
    ...{ cacheFolder: cacheFolder(), thread, log, signal },
    // Loaded where there is a log: a world that is played needs none of it.
    curvesOf: async (lines) => (await import('./curves.js')).curvesOf(lines),
  });
  hearTraining((told) => void live.tell(told).catch(() => undefined));
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  try {
    warnOfOthers(live, context);
    // Said at once: by it a page is opened while the model is loaded.
    if (!flags.json) terminal.out(`${live.url}\n`);
    if (flags.open) {
      const why = await openBrowser(live.url);
      if (why !== null) log.info(`not opened in a browser (${why}): open the address yourself`);
    }
    if (await live.training) {
      // What is looked at must not take from what is trained.
      setPriority(BESIDE_A_TRAINING);
      log.info(`${place} is being trained: the page shows it, and plays its newest snapshot`);
    }
    // While a training has no snapshot yet there is nothing to play, and the page is there all the same.
    await Promise.race([live.ready, aborted]);
    if (signal.aborted) return EXIT.ok;
    const { width, height, device: runsOn } = await live.ready;
    if (flags.json) {
      const { url, token, port: at, folder: kept } = live;
      const served = { url, token, port: at, place, width, height, device: runsOn, folder: kept };
      terminal.out(`${JSON.stringify(served)}\n`);
    }
    log.info(
      `playing ${place} at ${width}x${height} on ${runsOn}; drawings and recordings are kept in ${live.folder}; Ctrl-C ends it`,
    );
    await aborted;
  } finally {
    await live.close();
  }
  // Being told to stop is how it ends.
  return EXIT.ok;
}
