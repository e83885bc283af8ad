import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { FrameloomError, messageOf } from '../base/error.js';

/** A folder of pictures, a numbered pattern, or one picture. */
export interface PictureSequence {
  /** In order of play. */
  readonly files: readonly string[];
  /** The ffmpeg decoder of all of them. */
  readonly decoder: string;
  /** Numbers that the names leave out between the first and the last; null where names bear none. */
  readonly missing: readonly number[] | null;
  /** The number that each file's name bears; null where not every name bears one. */
  readonly numbers: readonly number[] | null;
}

/** Pictures that can be read, by extension. */
export const PICTURE_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['.png', '.jpg', '.jpeg', '.bmp', '.webp', '.ppm', '.pgm'],
]);
const PATTERN = /^(.*?)%0?(\d*)d(.*)$/s;
const natural = new Intl.Collator('en', { numeric: true });

/** Files whose facts are asked for at the same time. */
const LOOKED_AT_ONCE = 64;

/** Names as people order them: `2.png` before `10.png`. */
export const naturalOrder = (a: string, b: string): number => natural.compare(a, b);

/** Whether the name of a path is a `%d` or `%05d` pattern of numbered files. */
export const isNumbered = (path: string): boolean => PATTERN.test(basename(path));

const isPicture = (name: string): boolean =>
  !name.startsWith('.') && PICTURE_EXTENSIONS.has(extname(name).toLowerCase());

/** What the name of a pattern is made of: `a-%03d.png` is `a-`, three digits at least, `.png`. */
export function numberParts(
  path: string,
): { readonly before: string; readonly width: number; readonly after: string } | undefined {
  const [, before, width, after] = PATTERN.exec(basename(path)) ?? [];
  if (before === undefined || after === undefined) return undefined;
  return { before, width: Number(width), after };
}

/** The name that a pattern gives a number: `%03d.png` names 7 `007.png`. */
export function numberedName(pattern: string, number: number): string {
  const { before, width, after } = numberParts(pattern) ?? { before: '', width: 0, after: '' };
  return `${before}${String(number).padStart(width, '0')}${after}`;
}

/**
 * Whether the name of a path picks pictures of its folder by `*` and `?`: `*_labelIds.png`. Where a
 * series counts by more than one number, no `%d` can name it.
 */
export const isSelection = (path: string): boolean =>
  /[*?]/.test(basename(path)) && PICTURE_EXTENSIONS.has(extname(path).toLowerCase());

/** Names in a folder that a selection picks, in natural order. */
async function selectedNames(selection: string): Promise<string[]> {
  const escaped = basename(selection).replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const shape = escaped.replaceAll('\\*', '.*').replaceAll('\\?', '.');
  const fits = new RegExp(`^${shape}$`, 'su');
  const names = await readdir(dirname(selection)).catch(() => []);
  return names.filter((name) => isPicture(name) && fits.test(name)).sort(naturalOrder);
}

/** Names in a folder that fit a pattern, with their numbers, in their order. */
export async function numberedNames(pattern: string): Promise<{ number: number; name: string }[]> {
  const [, before = '', width = '', after = ''] = PATTERN.exec(basename(pattern)) ?? [];
  const found: { number: number; name: string }[] = [];
  for (const name of await readdir(dirname(pattern)).catch(() => [])) {
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const digits = name.slice(before.length, name.length - after.length);
    if (!/^\d+$/.test(digits) || digits.length < Number(width)) continue;
    found.push({ number: Number(digits), name });
  }
  return found.sort((a, b) => a.number - b.number || naturalOrder(a.name, b.name));
}

/**
 * The files that a path stands for: itself, the pictures of a folder, those of a `%05d` pattern, or
 * those that a `*_ids.png` picks, in order of play. Empty where there is nothing.
 */
export async function filesOf(path: string): Promise<string[]> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory()) {
    const names = (await readdir(path)).filter(isPicture).sort(naturalOrder);
    return names.map((name) => join(path, name));
  }
  if (facts) return [path];
  if (isSelection(path)) {
    return (await selectedNames(path)).map((name) => join(dirname(path), name));
  }
  if (!isNumbered(path)) return [];
  return (await numberedNames(path)).map(({ name }) => join(dirname(path), name));
}

/**
 * What a path holds, without reading it: names, sizes and dates of all its files. Another text
 * means that something was changed, added or taken away. Null where there is nothing.
 */
export async function identityOf(path: string): Promise<string | null> {
  const files = await filesOf(path);
  if (files.length === 0) return null;
  const parts: string[] = [];
  // Many at once: of a folder of thousands each would wait for the one before.
  for (let i = 0; i < files.length; i += LOOKED_AT_ONCE) {
    const some = files.slice(i, i + LOOKED_AT_ONCE).map(async (file) => {
      const { size, mtimeMs } = await stat(file).catch(() => ({ size: null, mtimeMs: null }));
      return `${file}:${size}:${mtimeMs}`;
    });
    parts.push(...(await Promise.all(some)));
  }
  return parts.join('\n');
}

const MAGIC: readonly (readonly [decoder: string, fits: (head: string) => boolean])[] = [
  ['png', (head) => head.startsWith('\x89PNG')],
  ['mjpeg', (head) => head.startsWith('\xff\xd8\xff')],
  ['bmp', (head) => head.startsWith('BM')],
  ['webp', (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP'],
  ['ppm', (head) => /^P[36]\s/.test(head)],
  ['pgm', (head) => /^P[25]\s/.test(head)],
];

/** ffmpeg's decoder of a picture, by its first 12 bytes: its name may lie. */
export const decoderOf = (head: Uint8Array): string | undefined => {
  const text = Buffer.from(head.subarray(0, 12)).toString('latin1');
  return MAGIC.find(([, fits]) => fits(text))?.[0];
};

/** Whatever a folder has under the name of a picture: a folder, a link to nothing, a pipe. */
async function assertFile(path: string): Promise<void> {
  const facts = await stat(path).catch((cause: unknown) => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw badPicture(
      missing ? `${path} is a link to nothing` : `${path} cannot be read: ${messageOf(cause)}`,
      path,
    );
  });
  if (facts.isFile()) return;
  throw badPicture(`${path} is a ${facts.isDirectory() ? 'folder' : 'pipe or device'}`, path);
}

/** @throws FrameloomError bad-input where it is no file that can be read */
async function readHead(path: string): Promise<Uint8Array> {
  await assertFile(path);
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw badPicture(`${path} cannot be read: ${messageOf(cause)}`, path);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Why a picture cannot be one of its sequence; undefined when its beginning is as it has to be. */
export function pictureFault(file: string, head: Uint8Array, decoder: string): string | undefined {
  if (head.length === 0) return `${file} is empty (0 bytes)`;
  const own = decoderOf(head);
  if (own === decoder) return undefined;
  return own === undefined
    ? `${file} is not a picture`
    : `${file} is a ${own} picture, the first of its sequence a ${decoder} one`;
}

export const badPicture = (message: string, path: string): FrameloomError =>
  new FrameloomError('bad-input', message, {
    path,
    hint: 'make this picture again, or take it away',
  });

/**
 * Looks at the beginning of every picture.
 * @returns those that cannot be used, and why
 */
export async function findBadPictures({
  files,
  decoder,
}: PictureSequence): Promise<{ file: string; fault: string }[]> {
  const bad: { file: string; fault: string }[] = [];
  for (const file of files) {
    const fault = await readHead(file).then(
      (head) => pictureFault(file, head, decoder),
      (error: unknown) => messageOf(error),
    );
    if (fault !== undefined) bad.push({ file, fault });
  }
  return bad;
}

/** The bytes of a picture. @throws FrameloomError bad-input where they cannot be read */
export async function pictureBytes(file: string, decoder: string): Promise<Buffer> {
  await assertFile(file);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new FrameloomError('bad-input', `${file} cannot be read: ${messageOf(cause)}`, {
      path: file,
      cause,
    });
  });
  // Some programs leave out the size of the file in a BMP, by which ffmpeg finds its end.
  if (decoder === 'bmp' && bytes.length >= 6) bytes.writeUInt32LE(bytes.length, 2);
  return bytes;
}

/** The last number in a name: `shot12_frame_0007.png` is 7. */
function numberIn(file: string): number | null {
  const digits = /(\d+)\D*$/.exec(basename(file, extname(file)))?.[1];
  return digits === undefined || digits.length > 15 ? null : Number(digits);
}

/** Whether names count up, each differing from the next in one number only. */
function numbersOf(files: readonly string[]): number[] | null {
  const numbers = files.map(numberIn);
  const stem = (file: string): string => basename(file).replace(/\d+(?=\D*$)/, '#');
  const [first] = files;
  if (first === undefined || files.some((file) => stem(file) !== stem(first))) return null;
  if (numbers.some((number) => number === null)) return null;
  return numbers as number[];
}

/** More missing numbers than this are no holes but another way of counting. */
const MOST_MISSING = 100_000;

function missingOf(numbers: readonly number[] | null): number[] | null {
  const [first, second] = [numbers?.[0], numbers?.[1]];
  if (!numbers || first === undefined || second === undefined) return numbers ? [] : null;
  // Every second or tenth picture, as some renderers number them, leaves nothing out.
  let step = second - first;
  for (let i = 2; i < numbers.length; i += 1) step = Math.min(step, numbers[i]! - numbers[i - 1]!);
  // Steps of this and that are times or the like, and leave nothing out either.
  const isEven = numbers.every((n, i) => i === 0 || (n - numbers[i - 1]!) % step === 0);
  if (step < 1 || !isEven) return [];
  const missing: number[] = [];
  for (let i = 1; i < numbers.length && missing.length < MOST_MISSING; i += 1) {
    for (let n = numbers[i - 1]! + step; n < numbers[i]!; n += step) {
      missing.push(n);
      if (missing.length >= MOST_MISSING) break;
    }
  }
  return missing;
}

async function asSequence(files: string[], path: string): Promise<PictureSequence> {
  const [first] = files;
  const decoder = first === undefined ? undefined : decoderOf(await readHead(first));
  if (first === undefined || decoder === undefined) {
    const what = first === undefined ? 'nothing is' : `${first} is not`;
    throw new FrameloomError('bad-input', `${path}: ${what} a picture`, {
      hint: 'PNG, JPEG, BMP, WebP, PPM and PGM can be read',
      path,
    });
  }
  const numbers = numbersOf(files);
  return { files, decoder, numbers, missing: missingOf(numbers) };
}

/**
 * The pictures of a folder, in natural order (`2.png` before `10.png`).
 * @throws FrameloomError bad-input when there are none, or of several kinds.
 */
export async function folderSequence(folder: string): Promise<PictureSequence> {
  const files = await filesOf(folder);
  const kinds = new Set(files.map((file) => extname(file).toLowerCase().replace('jpeg', 'jpg')));
  if (files.length === 0 || kinds.size > 1) {
    const what =
      files.length === 0 ? 'no pictures' : `several kinds of picture (${[...kinds].join(' ')})`;
    throw new FrameloomError('bad-input', `the folder ${folder} holds ${what}`, {
      hint: 'name a video, a folder of pictures of one kind, or a pattern such as %05d.png',
      path: folder,
    });
  }
  return asSequence(files, folder);
}

/**
 * The files of a pattern such as `frames/%05d.png`, by number, or of a selection such as
 * `maps/*_ids.png`, in natural order.
 * @throws FrameloomError not-found
 */
export async function patternSequence(pattern: string): Promise<PictureSequence> {
  if (isSelection(pattern)) {
    const picked = await filesOf(pattern);
    if (picked.length > 0) return asSequence(picked, pattern);
  }
  const numbered = await numberedNames(pattern);
  if (numbered.length === 0) {
    throw new FrameloomError('not-found', `no file fits the pattern ${pattern}`, { path: pattern });
  }
  const files = numbered.map(({ name }) => join(dirname(pattern), name));
  const sequence = await asSequence(files, pattern);
  const numbers = numbered.map(({ number }) => number);
  return { ...sequence, numbers, missing: missingOf(numbers) };
}

/** A single picture as a sequence of one; undefined when the file is no still picture. */
export async function singlePicture(path: string): Promise<PictureSequence | undefined> {
  if (!PICTURE_EXTENSIONS.has(extname(path).toLowerCase())) return undefined;
  const decoder = decoderOf(await readHead(path));
  return decoder === undefined
    ? undefined
    : { files: [path], decoder, numbers: null, missing: null };
}

/** A `%d` pattern or a selection by `*`, unless a file of just that name exists. */
export async function isPattern(path: string): Promise<boolean> {
  if (!isNumbered(path) && !isSelection(path)) return false;
  return stat(path).then(
    () => false,
    () => true,
  );
}
