// @ts-check
// What set-up has provided, and where: native TensorFlow, ONNX Runtime, ffmpeg. It lies in the cache,
// once a machine; a note says which of what lies there is meant. Plain JavaScript: set-up writes these
// notes on bare Node, before anything is compiled, and the program reads them.
//
// There are two notes of each. The one in the package's own folder is what set-up chose for this very
// package, and holds whatever FRAMELOOM_CACHE says later. The one in the cache serves packages whose
// folder cannot be written, such as those that root installed for everybody.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {'tensorflow-cpu' | 'tensorflow-gpu' | 'ffmpeg' | 'onnxruntime' | 'webgpu'} Provided
 *
 * @typedef {object} Note
 * @property {Record<string, string>} paths folders and files by what they are, absolute
 * @property {string} [instead] why this and not what would have been better
 *
 * @typedef {object} Places
 * @property {string} cache
 * @property {string} [root] the package's own folder; where this file lies in it unless given
 */

/** From src/base/ and from dist/base/ alike. */
import { makeFolder } from './make-folder.mjs';
const PACKAGE = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * @param {Provided} name
 * @param {Places} places
 */
const files = (name, { cache, root = PACKAGE }) => [
  join(root, '.provisions', `${name}.json`),
  join(cache, 'provisions', `${name}.json`),
];

/**
 * @param {string} file
 * @returns {Note | undefined} undefined where there is none, or where what it names has gone
 */
function readNote(file) {
  /** @type {Note} */
  let note;
  try {
    note = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // never written, or cut short: both mean that set-up has to run
  }
  // Relative to the folder that holds the notes: a cache may be carried to another machine.
  const base = dirname(dirname(file));
  const paths = Object.fromEntries(
    Object.entries(note.paths ?? {}).map(([what, path]) => [
      what,
      isAbsolute(path) ? path : join(base, path),
    ]),
  );
  return Object.values(paths).every((path) => existsSync(path)) ? { ...note, paths } : undefined;
}

/**
 * What set-up has provided.
 *
 * @param {Provided} name
 * @param {Places} places
 * @returns {Note | undefined}
 */
export function provided(name, places) {
  for (const file of files(name, places)) {
    const note = readNote(file);
    if (note !== undefined) return note;
  }
  return undefined;
}

/**
 * What set-up has noted for this very package. Another package's note in the cache is none of it, unless
 * this one's folder cannot be written: it would be lost as soon as FRAMELOOM_CACHE names another cache.
 *
 * @param {Provided} name
 * @param {Places} places
 * @returns {Note | undefined}
 */
export function noted(name, places) {
  const [own = '', shared = ''] = files(name, places);
  const note = readNote(own);
  if (note !== undefined) return note;
  try {
    accessSync(dirname(dirname(own)), constants.W_OK);
    return undefined;
  } catch {
    return readNote(shared);
  }
}

/**
 * Notes what set-up has provided.
 *
 * @param {Provided} name
 * @param {Note} note with absolute paths
 * @param {Places} places
 */
export async function noteProvided(name, note, places) {
  const [own = '', shared = ''] = files(name, places);
  const base = dirname(dirname(shared));
  const within = Object.entries(note.paths).map(([what, path]) => {
    const inside = relative(base, path);
    return [what, inside.startsWith('..') || isAbsolute(inside) ? path : inside];
  });
  await writeNote(shared, { ...note, paths: Object.fromEntries(within) });
  try {
    await writeNote(own, note);
  } catch (error) {
    // A package that is not ours to write to is served by the other note; unless an old one of its own
    // says something else.
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code ?? '')) throw error;
    if (readNote(own) !== undefined) throw error;
  }
}

/**
 * @param {string} file
 * @param {Note} note
 */
async function writeNote(file, note) {
  await makeFolder(dirname(file));
  const fresh = `${file}.${process.pid}`;
  try {
    await writeFile(fresh, `${JSON.stringify(note, null, 2)}\n`);
    await rename(fresh, file);
  } finally {
    await rm(fresh, { force: true });
  }
}
