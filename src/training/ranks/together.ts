import { createHash } from 'node:crypto';
import type { Group } from '../../backend/group/index.js';
import type { Logger } from '../../base/log.js';
import { disposeState, flattenState, type Model, type TrainingState } from '../model.js';
import { shareState } from './start.js';

/** What a process wants before a step. */
export interface Wishes {
  /** The time is over. */
  readonly time: boolean;
  /** Somebody asked it to stop. */
  readonly cancelled: boolean;
}

/** So many bits of a hash are told as one number exactly. */
const HASH_BITS = 24;

/**
 * Before each step: whether any process wants to end, so that all end after the same step. And that all know the same of
 * the training so far, from which each plans the next step by itself: a difference there would be two trainings, silently.
 * @param known all that decides the next step, but for the networks
 */
export async function agree(
  group: Group | null,
  own: Wishes,
  step: number,
  known: () => string,
): Promise<Wishes> {
  if (group === null) return own;
  const { rank, size } = group;
  const hash = createHash('sha256').update(`${step} ${known()}`).digest();
  const said = new Float32Array(2 + size);
  said.set([+own.time, +own.cancelled]);
  said[2 + rank] = hash.readUIntBE(0, HASH_BITS / 8);
  const [time, cancelled, ...hashes] = await group.sum(said);
  const other = hashes.findIndex((one) => one !== hashes[0]);
  if (other > 0) throw new Error(`rank ${other} is not where rank 0 is, at step ${step}`);
  return { time: time! > 0, cancelled: cancelled! > 0 };
}

/** A hash of all weights and moments. */
async function checksum(state: TrainingState): Promise<Buffer> {
  const hash = createHash('sha256');
  for (const tensor of Object.values(flattenState(state))) {
    const { buffer, byteOffset, byteLength } = await tensor.data();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest();
}

/**
 * Before a snapshot: that all processes have the same networks. Where processors round otherwise they drift apart, by
 * last bits at first; then all go on from the first one's, which is what the snapshot holds.
 * @param state the caller's; where another is returned it is let go of
 */
export async function withoutDrift(
  group: Group | null,
  model: Model,
  state: TrainingState,
  step: number,
  log: Logger,
): Promise<TrainingState> {
  if (group === null) return state;
  const all = await group.gather(await checksum(state));
  const other = all.filter((one) => !Buffer.from(one).equals(all[0]!)).length;
  if (other === 0) return state;
  log.warn(
    `step ${step}: the networks of ${other} of ${group.size} processes are not rank 0's to the last bit any more; all go on from rank 0's`,
  );
  const shared = await shareState(group, model, () => state);
  if (shared !== state) disposeState(state);
  return shared;
}
