import type { Group } from '../../backend/group/index.js';
import { FrameloomError, isFrameloomError, messageOf, type ErrorCode } from '../../base/error.js';
import type { JsonValue } from '../run/json.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const toJsonBytes = (value: JsonValue): Uint8Array => encoder.encode(JSON.stringify(value));
export const fromJsonBytes = (bytes: Uint8Array): JsonValue =>
  JSON.parse(decoder.decode(bytes)) as JsonValue;

type Told<T> = { readonly value: T } | { readonly code: ErrorCode | null; readonly why: string };

/**
 * What the first process decides, reads or measures, told to all others: one of them keeps the run, and what only
 * it can know must not be found out otherwise elsewhere. What it throws ends the others by the same code.
 * @param group null of one process
 * @param make called in the first process alone
 */
export async function fromFirst<T extends JsonValue>(
  group: Group | null,
  make: () => T | Promise<T>,
): Promise<T> {
  if (group === null) return make();
  if (group.rank > 0) {
    const told = fromJsonBytes(await group.broadcast(null)) as unknown as Told<T>;
    if ('value' in told) return told.value;
    if (told.code === null) throw new Error(`rank 0: ${told.why}`);
    throw new FrameloomError(told.code, `rank 0: ${told.why}`);
  }
  let value: T;
  try {
    value = await make();
  } catch (error) {
    // Who has lost a peer has nobody to tell.
    if (isFrameloomError(error, 'peer-lost')) throw error;
    const code = isFrameloomError(error) ? error.code : null;
    await group.broadcast(toJsonBytes({ code, why: messageOf(error) }));
    throw error;
  }
  await group.broadcast(toJsonBytes({ value }));
  return value;
}
