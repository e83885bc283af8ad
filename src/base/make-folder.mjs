// Plain JavaScript: set-up makes folders before anything is compiled.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error)?.code;

/**
 * Makes a folder and those above it that are missing. Unlike the system library's own, which looks
 * for a parent for ever where the system denies that there is one (in /proc, say).
 *
 * @param {string} folder
 * @returns {Promise<void>}
 * @throws {NodeJS.ErrnoException}
 */
export async function makeFolder(folder) {
  /** @type {string[]} */
  const missing = [];
  for (let above = folder; ; above = dirname(above)) {
    try {
      await mkdir(above);
      break;
    } catch (error) {
      const code = codeOf(error);
      // The root of a drive is there whatever the system says of making it.
      if (above === dirname(above)) break;
      if (code === 'EEXIST') {
        // A file in the place of a folder.
        if (!(await stat(above)).isDirectory()) throw error;
        break;
      }
      if (code !== 'ENOENT') throw error;
      missing.unshift(above);
    }
  }
  for (const below of missing) {
    await mkdir(below).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
}
