import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import { randomStream } from '../base/random.js';

/**
 * How a parameter starts: normal with this deviation, or one number everywhere. With `alike`, its first
 * output channels are so many blocks of so many channels, all blocks as the first.
 */
export type Initializer =
  | {
      readonly normal: number;
      readonly alike?: { readonly blocks: number; readonly channels: number };
    }
  | { readonly constant: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** The weight whose lengths this is, and the axis of that weight's output channels, where it is a gain. */
  readonly gainOf?: { readonly weight: string; readonly axis: number };
  /**
   * Of a weight that sees the condition: which of its channels each input is, the axis before the last; null for
   * inputs that are none. A generator that goes on with other classes finds those that it knows by it.
   */
  readonly conditionInputs?: readonly (number | null)[];
}

/** Named tensors, as a network's pure functions read them. */
export type Parameters = Readonly<Record<string, tf.Tensor>>;

/** Named arrays, as a snapshot holds them. */
export type NamedArrays = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>;

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

function repeatBlocks(
  weights: Float32Array,
  outputs: number,
  { blocks, channels }: { blocks: number; channels: number },
): void {
  for (let row = 0; row < weights.length; row += outputs) {
    for (let block = 1; block < blocks; block += 1) {
      weights.copyWithin(row + block * channels, row, row + channels);
    }
  }
}

/**
 * Where each named parameter lies in one flat vector. Training keeps parameters, gradients and
 * optimizer state flat, so that Adam and averaging are a dozen ops for the whole network.
 */
export class ParameterLayout {
  readonly specs: readonly ParameterSpec[];
  /** Numbers in all parameters together. */
  readonly size: number;
  readonly #sizes: readonly number[];

  constructor(specs: readonly ParameterSpec[]) {
    const names = new Set(specs.map((spec) => spec.name));
    if (names.size !== specs.length) throw new Error('two parameters have one name');
    this.specs = specs;
    this.#sizes = specs.map((spec) => sizeOf(spec.shape));
    this.size = this.#sizes.reduce((sum, size) => sum + size, 0);
  }

  /**
   * Initial values [size], each parameter from its own seeded stream, so that adding a layer leaves
   * the others as they were.
   */
  initialize(seed: number): Float32Array {
    const flat = new Float32Array(this.size);
    let offset = 0;
    this.specs.forEach(({ name, init, shape }, i) => {
      const part = flat.subarray(offset, offset + this.#sizes[i]!);
      if ('constant' in init) part.fill(init.constant);
      else {
        randomStream(seed, 'init', name).fillNormal(part);
        for (let j = 0; j < part.length; j += 1) part[j]! *= init.normal;
        if (init.alike) repeatBlocks(part, shape.at(-1)!, init.alike);
      }
      offset += part.length;
    });
    return flat;
  }

  /** The named views of a flat vector [size]; differentiable. The caller disposes of them. */
  unflatten(flat: tf.Tensor1D): Parameters {
    if (this.specs.length === 0) return {};
    return tf.tidy(() => {
      const parts = tf.split(flat, [...this.#sizes]);
      return Object.fromEntries(
        this.specs.map(({ name, shape }, i) => [name, tf.reshape(parts[i]!, [...shape])]),
      );
    });
  }

  /** The inverse of `unflatten`, [size]. */
  flatten(parameters: Parameters): tf.Tensor1D {
    if (this.specs.length === 0) return tf.zeros([0]);
    return tf.tidy(() =>
      tf.concat1d(this.specs.map(({ name }) => tf.reshape(parameters[name]!, [-1]))),
    );
  }

  /** A flat copy as named arrays, for a snapshot. */
  toNamed(flat: Float32Array, prefix = ''): Record<string, NamedArrays[string]> {
    let offset = 0;
    return Object.fromEntries(
      this.specs.map(({ name, shape }, i) => {
        const data = flat.slice(offset, (offset += this.#sizes[i]!));
        return [`${prefix}${name}`, { shape, data }];
      }),
    );
  }

  /**
   * The flat vector of named arrays.
   * @throws FrameloomError bad-snapshot when one is missing or of another shape
   */
  fromNamed(named: NamedArrays, prefix = ''): Float32Array {
    const flat = new Float32Array(this.size);
    let offset = 0;
    this.specs.forEach(({ name, shape }, i) => {
      const found = named[`${prefix}${name}`];
      const fits =
        found !== undefined &&
        found.data.length === this.#sizes[i] &&
        found.shape.length === shape.length &&
        shape.every((size, axis) => size === found.shape[axis]);
      if (!fits) {
        const what = found ? `is [${found.shape.join(', ')}]` : 'is missing';
        throw new FrameloomError(
          'bad-snapshot',
          `parameter ${prefix}${name} ${what}, expected [${shape.join(', ')}]`,
          { hint: 'the snapshot is of another network; use the pipeline it was trained with' },
        );
      }
      flat.set(found.data, offset);
      offset += found.data.length;
    });
    return flat;
  }
}
