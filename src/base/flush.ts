import { fdatasync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * Waits until what was written into a file, and its length, is on the disk. By the descriptor: under
 * yarn's Plug'n'Play a handle is yarn's own, which cannot.
 */
export const flush = (file: FileHandle): Promise<void> => promisify(fdatasync)(file.fd);
