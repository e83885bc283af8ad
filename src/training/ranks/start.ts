import type { Group } from '../../backend/group/index.js';
import { stateFromTensors, stateToTensors, type Model, type TrainingState } from '../model.js';
import { decodeSafetensors, encodeSafetensors } from '../run/safetensors.js';
import type { SnapshotTensors } from '../run/snapshot-store.js';
import type { StartingPoint } from '../starting-point.js';
import { fromFirst } from './first.js';

/** Tensors of the first process, for the others. */
async function shareTensors(group: Group, own: SnapshotTensors | null): Promise<SnapshotTensors> {
  const bytes = await group.broadcast(own && Buffer.concat(encodeSafetensors(own)));
  return own ?? (decodeSafetensors(bytes, 'what rank 0 sent').tensors as SnapshotTensors);
}

/**
 * Where training goes on, as the first process finds it in the run; no other needs the run's folder.
 * @param find called in the first process alone
 */
export async function shareStart(
  group: Group | null,
  find: () => Promise<StartingPoint>,
): Promise<StartingPoint> {
  if (group === null) return find();
  let own: StartingPoint | null = null;
  const told = await fromFirst(group, async () => {
    own = await find();
    // What the log is told of a return is told by the first alone.
    const { snapshot, ...others } = { ...own, wentBack: null };
    const kept = snapshot && { ...snapshot, tensors: null };
    return { ...others, snapshot: kept };
  });
  const { snapshot, ...others } = told as unknown as StartingPoint;
  const start = own as StartingPoint | null;
  if (snapshot === null) return start ?? { ...others, snapshot };
  const tensors = await shareTensors(group, start?.snapshot?.tensors ?? null);
  return start ?? { ...others, snapshot: { ...snapshot, tensors } };
}

/**
 * A state of the first process in all of them, bit for bit.
 * @param make called in the first process alone
 * @returns the caller's
 */
export async function shareState(
  group: Group | null,
  model: Model,
  make: () => TrainingState | Promise<TrainingState>,
): Promise<TrainingState> {
  if (group === null) return make();
  if (group.rank > 0) return stateFromTensors(model, await shareTensors(group, null));
  const state = await make();
  await shareTensors(group, await stateToTensors(model, state));
  return state;
}
