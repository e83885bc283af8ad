import type * as tf from '@tensorflow/tfjs-core';

/** Tensors by name, as a runner's functions take and give them. */
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** Tensors in a row as a record: `name0`, `name1`, … */
export const numbered = <T extends tf.Tensor>(
  name: string,
  tensors: readonly T[],
): Record<string, T> => Object.fromEntries(tensors.map((tensor, i) => [`${name}${i}`, tensor]));

/** The inverse of `numbered`; other tensors among them are left out. */
export function ordered(name: string, tensors: NamedTensors): tf.Tensor[] {
  const found: tf.Tensor[] = [];
  for (;;) {
    const tensor = tensors[`${name}${found.length}`];
    if (tensor === undefined) return found;
    found.push(tensor);
  }
}

/** A record's tensors by longer names, to stand beside others. */
export const prefixed = (prefix: string, tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));

/** The inverse of `prefixed`; other tensors among them are left out. */
export const withoutPrefix = (prefix: string, tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
