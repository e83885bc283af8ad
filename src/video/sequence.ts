import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { FrameloomError } from '../base/error.js';

/** A folder of pictures, a numbered pattern, or one picture. */
export interface PictureSequence {
  /** In order of play. */
  readonly files: readonly string[];
  /** The ffmpeg demuxer that splits their bytes, joined end to end. */
  readonly demuxer: string;
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.bmp', '.webp', '.ppm', '.pgm']);
const PATTERN = /^(.*?)%0?(\d*)d(.*)$/s;
const natural = new Intl.Collator('en', { numeric: true });

/** What a picture is, by its first bytes: its name may lie. */
async function demuxerOf(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(12);
    await file.read(head, 0, 12, 0);
    const text = head.toString('latin1');
    if (text.startsWith('\x89PNG')) return 'png_pipe';
    if (text.startsWith('\xff\xd8\xff')) return 'jpeg_pipe';
    if (text.startsWith('BM')) return 'bmp_pipe';
    if (text.startsWith('RIFF') && text.endsWith('WEBP')) return 'webp_pipe';
    if (/^P6\s/.test(text)) return 'ppm_pipe';
    if (/^P5\s/.test(text)) return 'pgm_pipe';
    return undefined;
  } finally {
    await file.close();
  }
}

async function asSequence(files: string[], path: string): Promise<PictureSequence> {
  const [first] = files;
  const demuxer = first === undefined ? undefined : await demuxerOf(first);
  if (first === undefined || demuxer === undefined) {
    throw new FrameloomError('bad-input', `${path}: ${first ?? 'nothing'} is not a picture`, {
      hint: 'PNG, JPEG, BMP, WebP, PPM and PGM can be read',
      path,
    });
  }
  return { files, demuxer };
}

/**
 * The pictures of a folder, in natural order (`2.png` before `10.png`).
 * @throws FrameloomError bad-input when there are none, or of several kinds.
 */
export async function folderSequence(folder: string): Promise<PictureSequence> {
  const names = (await readdir(folder)).filter(
    (name) => !name.startsWith('.') && EXTENSIONS.has(extname(name).toLowerCase()),
  );
  const kinds = new Set(names.map((name) => extname(name).toLowerCase().replace('jpeg', 'jpg')));
  if (names.length === 0 || kinds.size > 1) {
    const what =
      names.length === 0 ? 'no pictures' : `several kinds of picture (${[...kinds].join(' ')})`;
    throw new FrameloomError('bad-input', `the folder ${folder} holds ${what}`, {
      hint: 'name a video, a folder of pictures of one kind, or a pattern such as %05d.png',
      path: folder,
    });
  }
  names.sort((a, b) => natural.compare(a, b));
  return asSequence(
    names.map((name) => join(folder, name)),
    folder,
  );
}

/**
 * The files of a pattern such as `frames/%05d.png`, by number.
 * @throws FrameloomError not-found
 */
export async function patternSequence(pattern: string): Promise<PictureSequence> {
  const [, before = '', width = '', after = ''] = PATTERN.exec(basename(pattern)) ?? [];
  const numbered: { number: number; name: string }[] = [];
  const names = await readdir(dirname(pattern)).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const digits = name.slice(before.length, name.length - after.length);
    if (!/^\d+$/.test(digits) || digits.length < Number(width)) continue;
    numbered.push({ number: Number(digits), name });
  }
  if (numbered.length === 0) {
    throw new FrameloomError('not-found', `no file fits the pattern ${pattern}`, { path: pattern });
  }
  numbered.sort((a, b) => a.number - b.number);
  return asSequence(
    numbered.map(({ name }) => join(dirname(pattern), name)),
    pattern,
  );
}

/** A single picture as a sequence of one; undefined when the file is no still picture. */
export async function singlePicture(path: string): Promise<PictureSequence | undefined> {
  if (!EXTENSIONS.has(extname(path).toLowerCase())) return undefined;
  const demuxer = await demuxerOf(path);
  return demuxer === undefined ? undefined : { files: [path], demuxer };
}

/** A `%d` pattern, unless a file of just that name exists. */
export async function isPattern(path: string): Promise<boolean> {
  if (!PATTERN.test(basename(path))) return false;
  return stat(path).then(
    () => false,
    () => true,
  );
}

/** The bytes of the pictures one after another. */
export async function* sequenceBytes(files: readonly string[]): AsyncGenerator<Buffer> {
  for (const file of files) yield await readFile(file);
}
