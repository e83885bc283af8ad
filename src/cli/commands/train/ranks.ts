import {
  parseClusterFlags,
  parseTfConfig,
  type Cluster,
  type Group,
} from '../../../backend/group/index.js';
import type { BackendChoice } from '../../../backend/ladder.js';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, isFrameloomError } from '../../../base/error.js';
import { loadPipeline, parsePipeline } from '../../../pipeline/load.js';
import { fromFirst } from '../../../training/ranks/first.js';
import { train } from '../../../training/trainer.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import { trustsFilters } from '../../engine/trusted-filters.js';
import { refuseIdle } from '../../idle-options.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';

export interface RankFlags {
  processes?: number;
  cluster?: string;
  rank?: number;
  trustNetwork?: boolean;
  maxRestarts?: number;
}

/** In the environment of a process that a launcher has started. */
export const LAUNCHED = 'FRAMELOOM_LAUNCHED';

/** What a process tells the launcher that has started it. */
export type ToLauncher = { readonly run: string } | { readonly failed: string };

/** Words of a command line that start as many processes again. */
export const launchedWords = (group: Group | null): string[] =>
  group !== null && process.env[LAUNCHED] !== undefined ? ['--processes', String(group.size)] : [];

export const tellLauncher = (told: ToLauncher): void => {
  if (process.env[LAUNCHED] !== undefined && process.connected) process.send?.(told);
};

/**
 * The cluster that this process is one of, by --cluster and --rank or by TF_CONFIG; null of none.
 * @throws FrameloomError bad-option
 */
export function clusterOf(flags: RankFlags, env = process.env): Cluster | null {
  const { processes, cluster, rank, maxRestarts, trustNetwork } = flags;
  const config = env.TF_CONFIG === '' ? undefined : env.TF_CONFIG;
  const isMany = processes !== undefined && processes > 1;
  const isOne = !isMany && cluster === undefined && config === undefined;
  refuseIdle(
    { option: '--rank', given: rank, why: cluster === undefined && 'without --cluster' },
    {
      option: '--max-restarts',
      given: maxRestarts,
      why: !isMany && 'without --processes: who starts the others restarts them',
    },
    { option: '--trust-network', given: trustNetwork, why: isOne && 'in one process' },
    {
      option: '--cluster',
      given: cluster,
      why: isMany && 'beside --processes, which makes a cluster of its own',
    },
    {
      option: '--processes',
      given: processes,
      why: config !== undefined && 'beside TF_CONFIG, which names the processes',
    },
  );
  if (cluster !== undefined) {
    if (config === undefined) return parseClusterFlags(cluster, rank);
    throw new FrameloomError('bad-option', '--cluster and TF_CONFIG name a cluster each', {
      hint: 'leave one of them out',
    });
  }
  return config === undefined ? null : parseTfConfig(config);
}

/**
 * Joins the cluster, if there is one.
 * @returns null for a process by itself
 * @throws FrameloomError as clusterOf and joinGroup do
 */
export async function enterCluster(
  flags: RankFlags & { readonly backend?: BackendChoice },
  { log, signal }: Pick<Context, 'log' | 'signal'>,
): Promise<Group | null> {
  const cluster = clusterOf(flags);
  if (cluster === null || cluster.addresses.length === 1) return null;
  const { joinGroup } = await import('../../../backend/group/index.js');
  const { trustNetwork = false, backend } = flags;
  return joinGroup(cluster, { log, signal, trustNetwork, ...(backend && { prefer: backend }) });
}

/**
 * Runs what a process does as one of a group, and leaves the group: in order where it went well. What goes wrong is told
 * to the launcher.
 */
export async function inGroup<T>(group: Group | null, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    group?.end(true);
    return result;
  } catch (error) {
    group?.end(false);
    tellLauncher({ failed: isFrameloomError(error) ? error.code : 'defect' });
    throw error;
  }
}

interface FollowFlags extends TrustFlags {
  readonly clip?: string[] | undefined;
  readonly set?: readonly string[];
  readonly keyframes?: string;
  readonly resume?: boolean;
  readonly from?: string;
}

/** Trains in a process that is not the first of its group: it keeps nothing, and says nothing but what goes wrong here. */
export async function follow(
  path: string | undefined,
  flags: FollowFlags,
  context: Context,
  group: Group,
): Promise<number> {
  const { log, signal } = context;
  return inGroup(group, async () => {
    const { resume, from, clip: clips = [], set = [], keyframes } = flags;
    // What a run goes on with, and what another has begun, only the first process can see.
    const isOwn = path !== undefined && !resume && from === undefined;
    const mine = isOwn ? (await loadPipeline(path, { clips, set, keyframes })).pipeline : null;
    const { yaml } = await sharePipeline(group, null);
    const { ending, step } = await train(mine ?? parsePipeline(yaml, 'rank 0').pipeline, {
      run: null,
      group,
      baseFolder: process.cwd(),
      log,
      signal,
      cacheFolder: cacheFolder(),
      trustFilters: trustsFilters(flags),
    });
    log.info(`rank ${group.rank}: ${step} steps done`);
    return ending === 'cancelled' ? EXIT.cancelled : EXIT.ok;
  });
}

/**
 * The first process's pipeline, for all. One that was given to another too has to be the same, which training compares.
 * @param open the run of the first process; null in the others
 */
export const sharePipeline = (
  group: Group | null,
  open: (() => Promise<{ readonly yaml: string }>) | null,
): Promise<{ readonly yaml: string }> => fromFirst(group, () => open!());
