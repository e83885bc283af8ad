import {
  sizeOf,
  type NamedArrays,
  type ParameterLayout,
  type ParameterSpec,
} from './parameters.js';
import { lengthsOf } from './weight-norm.js';

/**
 * Which of the condition's channels each input of a layer is that sees condition frames side by side, their pixels
 * folded into channels or not: the channel changes fastest ({@link ParameterSpec.conditionInputs}).
 * @param inputs of the layer
 * @param channels of one condition frame
 * @param others inputs that come after those, and are none of the condition's
 */
export const conditionInputsOf = (
  inputs: number,
  channels: number,
  others = 0,
): (number | null)[] =>
  Array.from({ length: inputs }, (_, i) => (i < inputs - others ? i % channels : null));

/** What another network's parameters begin with here. */
export interface Transfer {
  /** All parameters [layout.size]. */
  readonly flat: Float32Array;
  /** Names of those that found nothing of theirs, and stayed as they were. */
  readonly unfit: readonly string[];
}

/** For each input of a weight the one of another that it goes on from; null where that has none. */
function inputsFrom(
  to: readonly (number | null)[],
  from: readonly (number | null)[],
  channelOf: (channel: number) => number | null,
): (number | null)[] {
  // The same channel comes once for each frame and each pixel of a block, in the same order in both.
  const places = new Map<number | null, number[]>();
  from.forEach((channel, i) => places.set(channel, [...(places.get(channel) ?? []), i]));
  const seen = new Map<number | null, number>();
  return to.map((channel) => {
    const nth = seen.get(channel) ?? 0;
    seen.set(channel, nth + 1);
    const own = channel === null ? null : channelOf(channel);
    if (channel !== null && own === null) return null;
    return places.get(own)?.[nth] ?? null;
  });
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Copies the inputs of a weight [..., inputs, outputs] that the other has. @returns false where they do not fit */
function copyInputs(
  part: Float32Array,
  to: ParameterSpec,
  from: ParameterSpec,
  data: Float32Array,
  channelOf: (channel: number) => number | null,
): boolean {
  const { conditionInputs: own, shape } = to;
  const { conditionInputs: others } = from;
  const outputs = shape.at(-1)!;
  const fits = isSame(
    [...shape.slice(0, -2), outputs],
    [...from.shape.slice(0, -2), from.shape.at(-1)!],
  );
  if (!own || !others || !fits) return false;
  const sources = inputsFrom(own, others, channelOf);
  const places = part.length / (own.length * outputs);
  for (let place = 0; place < places; place += 1) {
    sources.forEach((source, input) => {
      if (source === null) return;
      const at = (place * others.length + source) * outputs;
      part.set(data.subarray(at, at + outputs), (place * own.length + input) * outputs);
    });
  }
  return true;
}

/**
 * Parameters that begin as those of another network: what has one name and shape is taken as it is; of a weight
 * that sees the condition, the inputs whose channels the other knows. All else stays as it was.
 * @param fresh what parameters are that are not taken [to.size]
 * @param named the other network's parameters
 * @param channelOf the other's channel for one of the condition here; null for one that it does not know
 */
export function transferParameters(
  to: ParameterLayout,
  fresh: Float32Array,
  from: ParameterLayout,
  named: NamedArrays,
  channelOf: (channel: number) => number | null,
): Transfer {
  const flat = fresh.slice();
  const sources = new Map(from.specs.map((spec) => [spec.name, spec]));
  const unfit: string[] = [];
  let offset = 0;
  for (const spec of to.specs) {
    const { name, shape, conditionInputs } = spec;
    const part = flat.subarray(offset, (offset += shape.reduce((a, b) => a * b, 1)));
    const source = sources.get(name);
    const found = named[name];
    if (!source || !found || !isSame(found.shape, source.shape)) unfit.push(name);
    else if (conditionInputs || source.conditionInputs) {
      if (!copyInputs(part, spec, source, found.data, channelOf)) unfit.push(name);
    } else if (isSame(shape, source.shape)) part.set(found.data);
    else unfit.push(name);
  }
  keepStrength(to, flat, named);
  return { flat, unfit };
}

/**
 * A normalized weight with other inputs than before has another length. Its gain follows, so that what it knows is as
 * strong as it was.
 */
function keepStrength(to: ParameterLayout, flat: Float32Array, named: NamedArrays): void {
  const made = to.toNamed(flat);
  let offset = 0;
  for (const { name, shape, gainOf } of to.specs) {
    const size = sizeOf(shape);
    const weight = gainOf && to.specs.find((spec) => spec.name === gainOf.weight);
    const before = gainOf && named[gainOf.weight];
    if (weight?.conditionInputs && before && named[name]) {
      const [now, then] = [made[weight.name]!, before].map((one) => lengthsOf(one, gainOf.axis));
      const lengths = now!.data.map((length, i) => length / Math.max(then!.data[i]!, 1e-6));
      for (let i = 0; i < size; i += 1) flat[offset + i]! *= lengths[i]!;
    }
    offset += size;
  }
}
