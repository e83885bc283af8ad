import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError, messageOf } from '../../base/error.js';
import { nativeBackend, type NativeOpAttribute } from '../native.js';
import { parcels } from './parcels.js';
import type { GroupAddon } from './addon.js';
import type { Cluster } from './cluster.js';

/**
 * The processes of one training. Every method but `end` is a meeting: it returns once all of them have called the same
 * one, in the same order, and they wait for each other as long as they are all alive.
 *
 * @throws FrameloomError peer-lost, in each of them, where another has ended or answers no more
 */
export interface Group {
  readonly rank: number;
  readonly size: number;
  /** The mean of all processes' tensors, the same bits in each; the caller's. All are of one shape. */
  mean<T extends tf.Tensor>(x: T): T;
  /** The sum of all processes' numbers, to the precision of float32, the same in each. */
  sum(values: readonly number[] | Float32Array): Promise<Float32Array>;
  /** What each process has, by rank; the same in each. */
  gather(bytes: Uint8Array): Promise<Uint8Array[]>;
  /** What the first process has. */
  broadcast(bytes: Uint8Array | null): Promise<Uint8Array>;
  /**
   * Leaves in order: nobody goes before the others have all that they were promised. Once more it does nothing.
   * @param inOrder false where something went wrong: others may not come any more
   */
  end(inOrder: boolean): void;
}

const EVERY_MS = 1_000;
const TIMEOUT_MS = 2_500;
/** To find out who is gone, when a meeting has failed. */
const CHECKS = { times: 12, timeoutMs: 1_000, betweenMs: 500 };
const FIRST_MEETING_SECONDS = 120;
const LAST_MEETING_SECONDS = 10;
/** Any number: there is one group. */
const GROUP_KEY = 1;

export interface Guarded {
  readonly port: number;
  readonly peers: string;
}

const pause = (ms: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** @param addon of native TensorFlow that has joined the cluster */
export function groupOf(
  { addresses, rank }: Cluster,
  addon: GroupAddon,
  { port, peers }: Guarded,
): Group & { begin(): void } {
  const size = addresses.length;
  /** Meetings of one shape have one number, which all of them give in the same order. */
  const keys = new Map<string, number>();
  let hasEnded = false;

  function reduce(x: tf.Tensor, finalOp: 'Id' | 'Div', timeoutSeconds = 0): tf.Tensor {
    const backend = nativeBackend()!;
    const { binding } = backend;
    const kind = `${finalOp} ${x.shape.join('x')}`;
    const key = keys.get(kind) ?? keys.size + 1;
    keys.set(kind, key);
    const text = (name: string, value: string): NativeOpAttribute => ({
      ...{ name, value },
      type: binding.TF_ATTR_STRING,
    });
    const attributes: NativeOpAttribute[] = [
      { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
      text('merge_op', 'Add'),
      text('final_op', finalOp),
      text('communication_hint', 'auto'),
      { name: 'timeout_seconds', type: binding.TF_ATTR_FLOAT, value: timeoutSeconds },
      { name: 'is_stateless', type: binding.TF_ATTR_BOOL, value: false },
    ];
    return tf.tidy(() => {
      const inputs = [x, ...[size, GROUP_KEY, key].map((one) => tf.scalar(one, 'int32'))];
      return backend.executeMultipleOutputs('CollectiveReduceV2', attributes, inputs, 1)[0]!;
    });
  }

  /** Who is gone, once a meeting has failed: a process that ends may still answer for a moment. */
  function whoIsLost(): { readonly rank: number; readonly why: string } | undefined {
    for (let i = 0; i < CHECKS.times; i += 1) {
      const known = addon.lost();
      if (known) return known;
      for (let other = 0; other < size; other += 1) {
        const why = other === rank ? '' : addon.check(other, CHECKS.timeoutMs);
        if (why !== '') return { rank: other, why };
      }
      pause(CHECKS.betweenMs);
    }
    return undefined;
  }

  function meet<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const lost = whoIsLost();
      // All of them are there, and what they met for did not fit together: a defect.
      if (lost === undefined) throw error;
      throw new FrameloomError(
        'peer-lost',
        `rank ${lost.rank} of ${size} (${addresses[lost.rank]}) has ended or does not answer any more`,
        { cause: new Error(`${messageOf(error)}; ${lost.why}`, { cause: error }) },
      );
    }
  }

  const sum = async (values: readonly number[] | Float32Array): Promise<Float32Array> => {
    // The event loop has its turn between two meetings: ffmpeg's pipes, timers, a Ctrl-C.
    await setImmediate();
    const total = tf.tidy(() => meet(() => reduce(tf.tensor1d(values as number[]), 'Id')));
    try {
      return await total.data<'float32'>();
    } finally {
      total.dispose();
    }
  };

  return {
    rank,
    size,
    begin() {
      tf.tidy(() => void meet(() => reduce(tf.tensor1d([1]), 'Id', FIRST_MEETING_SECONDS)));
      addon.watch(size, rank, EVERY_MS, TIMEOUT_MS, port, peers);
    },
    mean: (x) => meet(() => reduce(x, 'Div')) as typeof x,
    sum,
    ...parcels(rank, size, sum),
    end(inOrder) {
      if (hasEnded) return;
      hasEnded = true;
      addon.unwatch();
      if (!inOrder) return;
      try {
        tf.tidy(() => void reduce(tf.tensor1d([1, 1]), 'Id', LAST_MEETING_SECONDS));
      } catch {
        // Who is gone by now had all that there was: whoever comes here has all of it too.
      }
    },
  };
}
