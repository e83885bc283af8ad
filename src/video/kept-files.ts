import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { FileSet } from '../base/same-file.js';
import { filesOf, isNumbered, numberedName, numberParts, PICTURE_EXTENSIONS } from './sequence.js';

const clash = (output: string, input: string): FrameloomError =>
  new FrameloomError('bad-option', `${output} is one of the inputs (${input})`, {
    path: output,
    hint: 'write to another place: what is read is never written over',
  });

/** Whether a name is one that a pattern stands for. */
function fits(name: string, pattern: string): boolean {
  const { before, width, after } = numberParts(pattern) ?? { before: name, width: 1, after: '' };
  const digits = name.slice(before.length, name.length - after.length);
  const framed = name.startsWith(before) && name.endsWith(after);
  return framed && /^\d+$/.test(digits) && digits.length >= width;
}

/** More digits than any pattern asks for. */
const LARGE_NUMBER = 1e15;

/** All that a piece of work reads, and that none of its outputs may be. */
export class KeptFiles {
  readonly #files = new FileSet();
  /** Folders that are read as one sequence: another picture in them would be one more frame. */
  readonly #folders = new FileSet();
  /** The same of patterns, by their folders. */
  readonly #patterns: { readonly folder: FileSet; readonly pattern: string }[] = [];

  /** @param paths files, folders of pictures, `%05d` patterns, `-` for standard input; what is missing is nothing */
  static async of(paths: readonly string[]): Promise<KeptFiles> {
    const kept = new KeptFiles();
    for (const path of new Set(paths)) await kept.#add(path);
    return kept;
  }

  async #add(path: string): Promise<void> {
    if (path === '-') return this.#files.add('standard input', 0);
    const files = await filesOf(path);
    for (const file of files) await this.#files.add(file);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isDirectory()) await this.#folders.add(path);
    if (facts) return;
    if (!isNumbered(path)) return this.#files.add(path);
    const folder = new FileSet();
    await folder.add(dirname(resolve(path)));
    this.#patterns.push({ folder, pattern: path });
  }

  /**
   * @param pictures each frame of the output is a file, by a `%05d` pattern
   * @throws FrameloomError bad-option where the output is one of them, by whatever name
   */
  async refuse(output: string, pictures: boolean): Promise<void> {
    if (output === '-') {
      const input = await this.#files.find(1);
      if (input !== undefined) throw clash('standard output', input);
      return;
    }
    const numbered = pictures && isNumbered(output);
    const places = numbered ? await filesOf(output) : [output];
    for (const place of places) {
      const input = await this.#files.find(place);
      if (input !== undefined) throw clash(place, input);
    }
    const names = numbered
      ? [1, LARGE_NUMBER].map((number) => numberedName(output, number))
      : [basename(output)];
    const place = dirname(resolve(output));
    for (const { folder, pattern } of this.#patterns) {
      const among = names.some((name) => fits(name, pattern));
      if (among && (await folder.find(place)) !== undefined) throw clash(output, pattern);
    }
    if (!PICTURE_EXTENSIONS.has(extname(output).toLowerCase())) return;
    const folder = await this.#folders.find(place);
    if (folder !== undefined) throw clash(output, folder);
  }
}

/**
 * Refuses an output that is among what is read: by what the files are, not by their names, so that
 * links and disks that know no capitals are seen through.
 * @param inputs files, folders of pictures, `%05d` patterns
 * @throws FrameloomError bad-option
 */
export async function assertNotAnInput(
  output: string,
  inputs: readonly string[],
  pictures = false,
): Promise<void> {
  await (await KeptFiles.of(inputs)).refuse(output, pictures);
}
