import { freemem, totalmem } from 'node:os';
import type { NvidiaCard } from './gpu.js';

export interface MachineMemory {
  readonly totalBytes: number;
  /** Not used by anyone now, caches that can be dropped not counted. */
  readonly freeBytes: number;
}

/**
 * The memory that this process may have, in bytes: the machine's, or less where a container or a
 * service is held to less.
 *
 * @param limit of the container; 0, or more than the machine has, where there is none
 */
export function machineMemory(limit = process.constrainedMemory()): MachineMemory {
  const [totalBytes, freeBytes] = [totalmem(), freemem()];
  if (!(limit > 0 && limit < totalBytes)) return { totalBytes, freeBytes };
  const left = Math.max(0, limit - process.memoryUsage.rss());
  return { totalBytes: limit, freeBytes: Math.min(freeBytes, left) };
}

/** What a card has at least that TensorFlow can be used with, where its driver says nothing. */
const LEAST_CARD_BYTES = 4 * 2 ** 30;

let cards: readonly NvidiaCard[] = [];

/** Keeps what is known of the cards, for `tensorMemory`. */
export const noteCards = (found: readonly NvidiaCard[]): void => void (cards = found);

/** Where a backend's tensors lie. */
export interface TensorMemory extends MachineMemory {
  readonly where: 'machine' | 'card';
  /** False where a card's memory could not be asked for, and the least that one has is assumed. */
  readonly isKnown: boolean;
}

/**
 * The memory that tensors take: the card's where one is used, the machine's else. Of several cards the
 * least, since TensorFlow numbers them otherwise than their driver. WebGPU says nothing of memory: what its card has is
 * known where NVIDIA's driver tells.
 *
 * @param card that is used; one that is the processor in truth has the machine's memory
 */
export function tensorMemory(
  card: { readonly vendor: string; readonly isSoftware?: boolean } | undefined,
  all = cards,
): TensorMemory {
  if (card === undefined || card.isSoftware) {
    return { ...machineMemory(), where: 'machine', isKnown: true };
  }
  const found = /nvidia/i.test(card.vendor) ? all : [];
  const least = (values: (number | undefined)[]): number | undefined =>
    values.length === 0 || values.includes(undefined)
      ? undefined
      : Math.min(...(values as number[]));
  const total = least(found.map(({ memoryBytes }) => memoryBytes));
  const totalBytes = total ?? LEAST_CARD_BYTES;
  const freeBytes = least(found.map(({ freeBytes: free }) => free)) ?? totalBytes;
  return { totalBytes, freeBytes, where: 'card', isKnown: total !== undefined };
}
