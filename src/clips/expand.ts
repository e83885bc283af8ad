import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FrameloomError } from '../base/error.js';
import { isNumbered, naturalOrder, PICTURE_EXTENSIONS } from '../video/sequence.js';

const VIDEO_EXTENSIONS = new Set(
  '.mp4 .m4v .mov .mkv .webm .avi .gif .y4m .ts .mts .m2ts .mpg .mpeg .ogv .flv .wmv .3gp .mxf'.split(
    ' ',
  ),
);

/** Everything of the clip's own name that a template may use. */
const TEMPLATE_KEYS = ['folder', 'name', 'extension'] as const;

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return null;
  }
}

async function folderClips(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const having = (set: ReadonlySet<string>): string[] =>
    names.filter((name) => set.has(extname(name).toLowerCase()));
  const videos = having(VIDEO_EXTENSIONS).sort(naturalOrder);
  if (videos.length > 0) return videos.map((name) => join(folder, name));
  if (having(PICTURE_EXTENSIONS).length > 0) return [folder];
  throw new FrameloomError('not-found', `the folder ${folder} holds neither videos nor pictures`, {
    hint: `videos are known by their extension: ${[...VIDEO_EXTENSIONS].join(' ')}`,
    path: folder,
  });
}

async function expandEntry(entry: string, baseFolder: string): Promise<string[]> {
  const path = isAbsolute(entry) ? entry : resolve(baseFolder, entry);
  // What exists under this very name is meant, brackets and percent signs or not.
  const kind = await kindOf(path);
  if (kind === 'folder') return folderClips(path);
  if (kind === 'file' || isNumbered(path)) return [path];
  if (isDynamicPattern(entry)) {
    const found = await glob(entry.replaceAll('\\', '/'), {
      cwd: baseFolder,
      absolute: true,
      onlyFiles: true,
      expandDirectories: false,
    });
    if (found.length === 0) {
      throw new FrameloomError('not-found', `no file matches ${entry} in ${baseFolder}`, {
        hint: 'globs start from the folder of the pipeline file',
        path: entry,
      });
    }
    return found.sort(naturalOrder);
  }
  throw new FrameloomError('not-found', `${path} does not exist`, {
    hint: `paths start from ${baseFolder}`,
    path,
  });
}

/**
 * Turns files, globs and folders into paths: entries in their order, each one's files in natural
 * order of their names, none twice. A folder stands for the videos right in it, or, where it holds
 * only pictures, for the sequence of them; `name-%04d.png` stays as it is.
 * @throws FrameloomError not-found naming the entry that matches nothing
 */
export async function expandClips(
  entries: readonly string[],
  baseFolder: string,
): Promise<string[]> {
  const found = await Promise.all(entries.map(async (entry) => expandEntry(entry, baseFolder)));
  return [...new Set(found.flat())];
}

/**
 * The condition file of each clip. A template may hold {folder}, {name} and {extension} of the
 * clip; a list pairs in order.
 * @returns for each clip its partner; clips that are themselves the partner of another clip (a
 *   folder holding both `a.mp4` and `a-labels.mkv`) are left out
 * @throws FrameloomError bad-data, not-found naming the clip without a partner
 */
export async function pairClips(
  clips: readonly string[],
  path: string | readonly string[],
  baseFolder: string,
): Promise<{ clip: string; condition: string }[]> {
  if (typeof path !== 'string' || !path.includes('{')) {
    const conditions = await expandClips(typeof path === 'string' ? [path] : path, baseFolder);
    if (conditions.length !== clips.length) {
      throw new FrameloomError(
        'bad-data',
        `${clips.length} clips but ${conditions.length} conditions`,
        {
          hint: 'list one condition for each clip, or give a template such as {folder}/{name}-labels.mkv',
          path: 'data.condition.path',
        },
      );
    }
    return clips.map((clip, i) => ({ clip, condition: conditions[i]! }));
  }
  const pairs = clips.map((clip) => ({ clip, condition: fillTemplate(path, clip, baseFolder) }));
  const conditions = new Set(pairs.map((pair) => pair.condition));
  const kept = pairs.filter(({ clip }) => !conditions.has(clip));
  for (const { clip, condition } of kept) {
    if (isNumbered(condition) || (await kindOf(condition)) !== null) continue;
    throw new FrameloomError('not-found', `${clip} has no condition: ${condition} does not exist`, {
      hint: `data.condition.path is ${path}`,
      path: clip,
    });
  }
  return kept;
}

/** Fills {folder}, {name} and {extension}. @throws FrameloomError bad-option for another key */
export function fillTemplate(template: string, clip: string, baseFolder: string): string {
  const extension = extname(clip);
  const values: Record<string, string> = {
    folder: dirname(clip),
    name: basename(clip, extension),
    extension: extension.slice(1),
  };
  const filled = template.replaceAll(/\{(\w*)\}/g, (_, key: string) => {
    const value = values[key];
    if (value !== undefined) return value;
    throw new FrameloomError('bad-option', `{${key}} means nothing in ${template}`, {
      hint: `use ${TEMPLATE_KEYS.map((known) => `{${known}}`).join(', ')}`,
      path: 'data.condition.path',
    });
  });
  return isAbsolute(filled) ? filled : resolve(baseFolder, filled);
}
