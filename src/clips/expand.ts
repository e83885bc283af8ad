import { stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FrameloomError } from '../base/error.js';
import {
  filesOf,
  isNumbered,
  isSelection,
  naturalOrder,
  PICTURE_EXTENSIONS,
} from '../video/sequence.js';

const VIDEO_EXTENSIONS = new Set(
  '.mp4 .m4v .mov .mkv .webm .avi .gif .y4m .ts .mts .m2ts .mpg .mpeg .ogv .flv .wmv .3gp .mxf'.split(
    ' ',
  ),
);

/** What entries of a list of clips stand for. */
export interface FoundClips {
  /** Videos, folders of pictures, patterns and selections of pictures; none twice. */
  readonly clips: readonly string[];
  /** Clips in folders below one that holds clips itself, which stands for its own alone. */
  readonly passedOver: readonly string[];
  /** Files that a `*` matched and that are neither video nor picture. */
  readonly otherFiles: readonly string[];
}

const isVideo = (path: string): boolean => VIDEO_EXTENSIONS.has(extname(path).toLowerCase());
const isPicture = (path: string): boolean => PICTURE_EXTENSIONS.has(extname(path).toLowerCase());

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return null;
  }
}

/** Whether there is a file, a folder, or pictures that a pattern names. */
export const isThere = async (path: string): Promise<boolean> =>
  (await kindOf(path)) !== null || (await filesOf(path)).length > 0;

const matches = (pattern: string, cwd: string, onlyFiles: boolean): Promise<string[]> =>
  glob(pattern.replaceAll('\\', '/'), { cwd, absolute: true, onlyFiles, expandDirectories: false });

function byFolder(files: readonly string[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = dirname(file);
    const those = folders.get(folder);
    if (those) those.push(file);
    else folders.set(folder, [file]);
  }
  return folders;
}

/** The videos of each folder, or, where it holds only pictures, the folder as a sequence of them. */
function clipsByFolder(files: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [folder, own] of byFolder(files)) {
    const videos = own.filter(isVideo).sort(naturalOrder);
    if (videos.length > 0) found.set(folder, videos);
    else if (own.some(isPicture)) found.set(folder, [folder]);
  }
  return new Map([...found].sort(([a], [b]) => naturalOrder(a, b)));
}

/** A folder stands for the clips right in it, or, where there are none, for those of its folders. */
async function folderClips(folder: string): Promise<Omit<FoundClips, 'otherFiles'>> {
  const found = clipsByFolder((await matches('**/*', folder, true)).map((path) => resolve(path)));
  const own = found.get(resolve(folder));
  const all = [...found.values()].flat();
  if (!own) return { clips: all, passedOver: [] };
  // As it was written: it may be shown to people.
  const clips = own.map((clip) => (clip === resolve(folder) ? folder : clip));
  return { clips, passedOver: all.filter((clip) => !own.includes(clip)) };
}

/** The clips that pictures matched by a glob make: one of each folder, not one of each picture. */
async function pictureClips(
  entry: string,
  folder: string,
  pictures: readonly string[],
): Promise<string[]> {
  const last = basename(entry);
  // `shots/*/photo.png` means these very pictures.
  if (!isDynamicPattern(last)) return [...pictures];
  const all = await filesOf(folder);
  if (all.length === pictures.length) return [folder];
  const selection = join(folder, last);
  const picked = isSelection(selection) ? new Set(await filesOf(selection)) : new Set<string>();
  if (picked.size === pictures.length && pictures.every((one) => picked.has(one))) {
    return [selection];
  }
  throw new FrameloomError(
    'bad-option',
    `${entry} takes ${pictures.length} of the ${all.length} pictures in ${folder}`,
    { hint: 'name some pictures of a folder by * and ? alone, such as *_ids.png', path: entry },
  );
}

async function globClips(entry: string, baseFolder: string): Promise<FoundClips> {
  const found = await matches(entry, baseFolder, false);
  const isFolder = (path: string): boolean => path.endsWith('/');
  const files = found.filter((path) => !isFolder(path)).map((path) => resolve(path));
  const clips: string[] = [];
  const otherFiles: string[] = [];
  const passedOver: string[] = [];
  // Of a name that is written out, whoever wrote it knows what it is.
  const takesAll = !isDynamicPattern(extname(entry)) && extname(entry) !== '';
  /** Folders that files were matched in or below: what is meant of them is matched already. */
  const seen = new Set<string>();
  for (const [folder, own] of byFolder(files)) {
    for (let at = folder; !seen.has(at); at = dirname(at)) seen.add(at);
    const media = own.filter((file) => isVideo(file) || isPicture(file));
    const others = own.filter((file) => !media.includes(file));
    if (takesAll) clips.push(...others);
    else otherFiles.push(...others);
    const videos = media.filter(isVideo);
    clips.push(...videos);
    // Beside videos, pictures that were not asked for are their covers and the like.
    const pictures = media.filter(isPicture);
    if (pictures.length > 0 && (videos.length === 0 || takesAll)) {
      clips.push(...(await pictureClips(entry, folder, pictures)));
    }
  }
  for (const folder of found.filter(isFolder).map((path) => resolve(path))) {
    if (seen.has(folder)) continue;
    const inside = await folderClips(folder);
    clips.push(...inside.clips);
    passedOver.push(...inside.passedOver);
  }
  if (clips.length === 0) {
    const what = found.length === 0 ? 'no file matches' : 'neither videos nor pictures match';
    throw new FrameloomError('not-found', `${what} ${entry} in ${baseFolder}`, {
      hint: 'globs start from the folder of the pipeline file',
      path: entry,
    });
  }
  return { clips: clips.sort(naturalOrder), passedOver, otherFiles };
}

/** `shots/*` + `/%04d.png`: the pattern in each folder where it names something. */
async function patternInFolders(entry: string, baseFolder: string): Promise<string[]> {
  const found = await matches(dirname(entry), baseFolder, false);
  const folders = found.filter((path) => path.endsWith('/')).map((path) => resolve(path));
  const patterns = folders.map((folder) => join(folder, basename(entry))).sort(naturalOrder);
  const named: string[] = [];
  for (const pattern of patterns) {
    if ((await filesOf(pattern)).length > 0) named.push(pattern);
  }
  if (named.length > 0) return named;
  throw new FrameloomError('not-found', `no pictures match ${entry} in ${baseFolder}`, {
    hint: 'globs start from the folder of the pipeline file',
    path: entry,
  });
}

async function expandEntry(entry: string, baseFolder: string): Promise<FoundClips> {
  const path = isAbsolute(entry) ? entry : resolve(baseFolder, entry);
  const only = (clips: readonly string[]): FoundClips => ({
    clips,
    passedOver: [],
    otherFiles: [],
  });
  // What exists under this very name is meant, brackets and percent signs or not.
  const kind = await kindOf(path);
  if (kind === 'folder') {
    const { clips, passedOver } = await folderClips(path);
    if (clips.length > 0) return { clips, passedOver, otherFiles: [] };
    throw new FrameloomError('not-found', `the folder ${path} holds neither videos nor pictures`, {
      hint: `videos are known by their extension: ${[...VIDEO_EXTENSIONS].join(' ')}`,
      path,
    });
  }
  if (kind === 'file') return only([path]);
  if (isNumbered(path)) {
    const inFolders = isDynamicPattern(dirname(entry)) && (await kindOf(dirname(path))) === null;
    return only(inFolders ? await patternInFolders(entry, baseFolder) : [path]);
  }
  if (isDynamicPattern(entry)) return globClips(entry, baseFolder);
  throw new FrameloomError('not-found', `${path} does not exist`, {
    hint: `paths start from ${baseFolder}`,
    path,
  });
}

/**
 * Finds what files, globs and folders stand for: entries in their order, each one's clips in natural
 * order of their names, none twice. A folder stands for the videos right in it, or, where it holds
 * only pictures, for the sequence of them; where it holds neither, for what the folders in it stand
 * for. A glob matches files and folders, and of pictures it takes those of each folder as a sequence.
 * `name-%04d.png` stays as it is.
 * @throws FrameloomError not-found naming the entry that matches nothing; bad-option for a glob that
 *   picks pictures otherwise than by `*` and `?`
 */
export async function findClips(
  entries: readonly string[],
  baseFolder: string,
): Promise<FoundClips> {
  const found = await Promise.all(entries.map(async (entry) => expandEntry(entry, baseFolder)));
  const clips = new Set(found.flatMap((one) => one.clips));
  const passedOver = new Set(found.flatMap((one) => one.passedOver));
  const otherFiles = new Set(found.flatMap((one) => one.otherFiles));
  return {
    clips: [...clips],
    passedOver: [...passedOver].filter((clip) => !clips.has(clip)),
    otherFiles: [...otherFiles],
  };
}

/** The clips of {@link findClips} alone. @throws FrameloomError as findClips */
export const expandClips = async (
  entries: readonly string[],
  baseFolder: string,
): Promise<string[]> => [...(await findClips(entries, baseFolder)).clips];
