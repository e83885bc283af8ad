import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameloomError, messageOf } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { parseAddress } from './cluster.js';

export interface Waiting {
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
  /** Seconds. */
  readonly limit: number;
}

const BETWEEN_MS = 250;
const SAY_EVERY_MS = 15_000;

/**
 * Asks again and again until there is an answer, saying who is waited for.
 * @throws FrameloomError peer-lost when the limit is over; cancelled
 */
async function until<T>(
  what: string,
  ask: () => Promise<T>,
  hint: string,
  { log, signal, limit }: Waiting,
): Promise<T> {
  const started = performance.now();
  let saidAt = started;
  for (;;) {
    if (signal?.aborted) throw new FrameloomError('cancelled', 'stopped as you asked');
    try {
      return await ask();
    } catch (error) {
      const now = performance.now();
      if (now - started > limit * 1000) {
        throw new FrameloomError(
          'peer-lost',
          `${what} did not come within ${limit} s: ${messageOf(error)}`,
          { hint, cause: error },
        );
      }
      if (now - saidAt > SAY_EVERY_MS) {
        saidAt = now;
        log.info(`waiting for ${what}: ${messageOf(error)}`);
      }
    }
    await sleep(BETWEEN_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * The IP addresses of the cluster's hosts: names of pods and containers are known only once these run.
 * @throws FrameloomError peer-lost, cancelled
 */
export async function resolveHosts(
  addresses: readonly string[],
  waiting: Waiting,
): Promise<string[]> {
  const hosts = new Set(addresses.map((one) => parseAddress(one)!.host));
  const all = await Promise.all(
    [...hosts].map((host) =>
      until(
        host,
        () => lookup(host, { all: true }),
        'its name has to be known where this runs',
        waiting,
      ),
    ),
  );
  // Without the zone of link-local ones, which no packet has.
  return [...new Set(all.flat().map(({ address }) => address.replace(/%.*$/, '')))];
}

/** Resolves when something takes connections there. */
const reach = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(2_000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('connect', () => {
      resolve();
      socket.destroy();
    });
  });

/**
 * Waits until every peer listens. By plain connections, which a Ctrl-C can end and which TensorFlow's own patience with a
 * peer that is not there yet knows nothing of.
 * @throws FrameloomError peer-lost, cancelled
 */
export async function awaitPeers(
  addresses: readonly string[],
  own: number,
  waiting: Waiting,
): Promise<void> {
  await Promise.all(
    addresses.map(async (address, rank) => {
      if (rank === own) return;
      const { host, port } = parseAddress(address)!;
      await until(
        `rank ${rank} (${address})`,
        () => reach(host, port),
        'is it started, with the same cluster? Does a firewall lie between? Where it speaks from another address than its name says, --trust-network lets it',
        waiting,
      );
    }),
  );
}
