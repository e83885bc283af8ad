import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * What randomness is used for. Each purpose has its own streams, so that drawing from one
 * (evaluating, say) never moves another.
 */
export type RandomPurpose =
  | 'init'
  | 'data'
  | 'noise'
  | 'warm-up'
  | 'histories'
  | 'eval'
  | 'sample'
  | 'sight'
  | 'actions'
  | 'style'
  | 'regularization';

/** A seeded sequence of random numbers. */
export interface RandomStream {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** A whole number, uniform in [low, high]. */
  integer(low: number, high: number): number;
  /** Standard normal (Box & Muller 1958). */
  normal(): number;
  /** Fills `out` with standard normals and returns it. */
  fillNormal(out: Float32Array): Float32Array;
}

/**
 * Where a step's draws are in the streams of training. One that went back takes another path: `attempt` says
 * how many times it did, and each attempt has draws of its own at the same steps.
 */
export const drawIndex = (step: number, attempt = 0): number | string =>
  attempt === 0 ? step : `${step}/attempt ${attempt}`;

/**
 * The one source of randomness. A stream is a pure function of `(seed, purpose, index)`: training
 * draws step n's data from `(seed, 'data', n)`, so the step counter is the whole random state and
 * a resumed run draws what the uninterrupted one would have.
 */
export function randomStream(
  seed: number,
  purpose: RandomPurpose,
  index: number | string = 0,
): RandomStream {
  // Not by node:crypto: what is drawn in a browser is the same.
  const { buffer } = sha256(utf8ToBytes(`frameloom/${seed}/${purpose}/${index}`));
  const digest = new DataView(buffer);
  const words = [0, 4, 8, 12].map((offset) => digest.getInt32(offset, true));
  // The all-zero state is the generator's one fixed point.
  const rng = xoroshiro128plusFromState(words.every((word) => word === 0) ? [1, 0, 0, 0] : words);
  const uniform = (): number => uniformFloat64(rng);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    uniform,
    normal,
    integer: (low, high) => uniformInt(rng, low, high),
    fillNormal: (out) => {
      for (let i = 0; i < out.length; i += 1) out[i] = normal();
      return out;
    },
  };
}
