import { FrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { setupCommand } from '../../base/own-package.js';
import { useBackend, type BackendChoice } from '../index.js';
import { isNativeLoaded } from '../native.js';
import { openGroupAddon } from './addon.js';
import { checkedCluster, parseAddress, type Cluster } from './cluster.js';
import { groupOf, type Group } from './group.js';
import { awaitPeers, resolveHosts } from './peers.js';
import { serverDef } from './server-def.js';

export interface JoinOptions {
  readonly log?: Logger;
  readonly signal?: AbortSignal;
  /** Seconds to wait for peers that are not there yet; 300 unless given. */
  readonly waitSeconds?: number;
  /** Lets everybody speak to TensorFlow's server who can reach it. Needed where its socket cannot be filtered. */
  readonly trustNetwork?: boolean;
  /** The backend that was asked for by name. */
  readonly prefer?: BackendChoice;
}

const WAIT_SECONDS = 300;

/** What the linked code reads (scripts/setup/group-context.cc). */
const VARIABLES = [
  'FRAMELOOM_SERVER_DEF',
  'FRAMELOOM_GROUP_PORT',
  'FRAMELOOM_GROUP_PEERS',
] as const;

/**
 * Joins the processes of one training on TensorFlow's collective runtime, and waits until all are there. Loads native
 * TensorFlow, whose context has to be of the group from its first moment: so before anything else has loaded it.
 *
 * TensorFlow's server listens on every interface, knows no password, and does what a peer tells it. On Linux a filter on
 * its socket drops what is not of the cluster's addresses or of this machine's loopback; elsewhere there is none, and
 * joining is refused unless the network is trusted.
 *
 * @returns null for a cluster of one, which joins nothing
 * @throws FrameloomError backend where native TensorFlow is not there, cannot join or its port is taken; untrusted
 *   where its socket cannot be filtered; peer-lost where peers do not come in time; bad-call; cancelled
 */
export async function joinGroup(
  cluster: Cluster,
  options: JoinOptions = {},
): Promise<Group | null> {
  const { log = silentLogger, signal, trustNetwork = false } = options;
  const { addresses, rank } = checkedCluster(cluster);
  if (addresses.length === 1) return null;
  if (!trustNetwork && process.platform !== 'linux') {
    throw new FrameloomError(
      'untrusted',
      `on ${process.platform} TensorFlow's server cannot be closed to others than its peers`,
      { hint: 'where nobody else can reach this machine: --trust-network' },
    );
  }
  if (isNativeLoaded()) {
    throw new FrameloomError('bad-call', 'native TensorFlow is loaded already', {
      hint: 'join the group before anything else of Frameloom uses it',
    });
  }
  const waiting = { log, signal, limit: options.waitSeconds ?? WAIT_SECONDS };
  const peers = trustNetwork ? 'any' : (await resolveHosts(addresses, waiting)).join(',');
  const { port } = parseAddress(addresses[rank]!)!;
  const values = [Buffer.from(serverDef(cluster)).toString('hex'), String(port), peers];
  try {
    VARIABLES.forEach((name, i) => void (process.env[name] = values[i]!));
    // Each process of a group that one has left would tell it in dozens of lines, before the error that says it in one.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
    await load(options, cluster);
  } finally {
    // No program that this process starts is of the group.
    VARIABLES.forEach((name) => void Reflect.deleteProperty(process.env, name));
  }
  const addon = openGroupAddon();
  if (addon === undefined) {
    throw new FrameloomError(
      'backend',
      'native TensorFlow was set up without what joins processes',
      { hint: `run: ${setupCommand()}; it says why where it cannot be compiled` },
    );
  }
  log.info(`rank ${rank} of ${addresses.length} at ${addresses[rank]}`);
  await awaitPeers(addresses, rank, waiting);
  const group = groupOf(cluster, addon, { port, peers });
  group.begin();
  return group;
}

async function load({ log, prefer }: JoinOptions, { addresses, rank }: Cluster): Promise<void> {
  let name: string;
  try {
    ({ name } = await useBackend({ native: true, ...(log && { log }), ...(prefer && { prefer }) }));
  } catch (error) {
    if (!messageOf(error).includes('Could not start gRPC server')) throw error;
    throw new FrameloomError(
      'backend',
      `${addresses[rank]} cannot be listened at: its port is taken`,
      {
        hint: 'end who has it, or name another',
        cause: error,
      },
    );
  }
  if (name.startsWith('tensorflow')) return;
  throw new FrameloomError(
    'backend',
    `processes train together on native TensorFlow, not on ${name}`,
    {
      hint: `leave --backend and FRAMELOOM_BACKEND out; ${setupCommand()} sets native TensorFlow up`,
    },
  );
}
