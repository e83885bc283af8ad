import { createHash } from 'node:crypto';
import type { NamedArrays } from '../networks/index.js';

/**
 * Names the weights of a generator: equal names, shapes and numbers give an equal hash, whatever
 * order they come in. It tells an export of a snapshot from one of another.
 * @param prefix what the names of the generator's own begin with; others are left out
 */
export function weightsHash(tensors: NamedArrays, prefix = ''): string {
  const hash = createHash('sha256');
  const names = Object.keys(tensors).filter((name) => name.startsWith(prefix));
  for (const name of names.sort()) {
    const { shape, data } = tensors[name]!;
    hash.update(`${name.slice(prefix.length)} ${shape.join('x')}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
