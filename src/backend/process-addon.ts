import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** What Node cannot do itself: compiled by set-up from `scripts/setup/process.cc`. */
interface ProcessAddon {
  /** Makes `file` the process's standard error and returns a descriptor of what it was, or −1. */
  redirect(file: number): number;
  /** Gives freed memory back to the system, where the C library can. */
  trim(): void;
}

let loaded: ProcessAddon | undefined;

/**
 * The addon, or undefined where set-up could not compile it: nothing depends on it.
 *
 * @param folder where set-up put it
 */
export function loadProcessAddon(folder: string): ProcessAddon | undefined {
  try {
    loaded ??= require(join(folder, 'process.node')) as ProcessAddon;
  } catch {
    return undefined;
  }
  return loaded;
}

/** Gives memory that was freed back to the system, for when much of it has been. */
export const returnFreedMemory = (): void => loaded?.trim();
