import { extname, isAbsolute, normalize, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { FrameloomError } from '../base/error.js';
import { counted } from '../base/units.js';
import { folderOfClip, nameOfClip, parentOfClip } from './clip-name.js';
import { expandClips, isThere } from './expand.js';

/** Everything of the clip that a template may use. */
const TEMPLATE_KEYS = ['folder', 'name', 'parent', 'extension'] as const;

/** A clip and what it is paired with. */
export interface ClipPair {
  readonly clip: string;
  readonly condition: string;
}

/** Fills {folder}, {name}, {parent} and {extension}. @throws FrameloomError bad-option for another key */
export function fillTemplate(
  template: string,
  clip: string,
  baseFolder: string,
  option = 'data.condition.path',
): string {
  const values: Record<(typeof TEMPLATE_KEYS)[number], string> = {
    folder: folderOfClip(clip),
    name: nameOfClip(clip),
    parent: parentOfClip(clip),
    extension: extname(clip).slice(1),
  };
  const filled = template.replaceAll(/\{(\w*)\}/g, (_, key: string) => {
    if (Object.hasOwn(values, key)) return values[key as keyof typeof values];
    throw new FrameloomError('bad-option', `{${key}} means nothing in ${template}`, {
      hint: `use ${TEMPLATE_KEYS.map((known) => `{${known}}`).join(', ')}`,
      path: option,
    });
  });
  return isAbsolute(filled) ? normalize(filled) : resolve(baseFolder, filled);
}

/**
 * The file of actions of each clip: a template is filled in, a list is in the order of the clips.
 * @throws FrameloomError bad-data where they are not as many as the clips; bad-option for another key
 */
export function actionPaths(
  clips: readonly string[],
  path: string | readonly string[],
  baseFolder: string,
): string[] {
  const key = 'data.actions.path';
  if (typeof path === 'string' && path.includes('{')) {
    return clips.map((clip) => fillTemplate(path, clip, baseFolder, key));
  }
  const files = typeof path === 'string' ? [path] : path;
  if (files.length === clips.length) return files.map((file) => resolve(baseFolder, file));
  throw new FrameloomError(
    'bad-data',
    `${counted(clips.length, 'clip')} but ${counted(files.length, 'file')} of actions`,
    { hint: 'list one for each clip, or give a template such as {folder}/{name}.csv', path: key },
  );
}

/** The error of a clip whose partner, by the template, is not there; undefined where it is. */
export async function missingCondition(
  { clip, condition }: ClipPair,
  path: string | readonly string[],
): Promise<FrameloomError | undefined> {
  if (await isThere(condition)) return undefined;
  const template = typeof path === 'string' ? `data.condition.path is ${path}` : undefined;
  return new FrameloomError('not-found', `${clip} has no condition: ${condition} does not exist`, {
    ...(template !== undefined && { hint: template }),
    path: clip,
  });
}

const names = (list: readonly string[]): string =>
  list.length <= 3 ? list.join(', ') : `${list.slice(0, 3).join(', ')} and ${list.length - 3} more`;

/** Both sides by name, where names tell every one of a side apart. */
function byName(
  clips: readonly string[],
  conditions: readonly string[],
): { pairs: ClipPair[]; lone: string[]; others: string[] } | null {
  const there = new Map(conditions.map((path) => [nameOfClip(path), path]));
  const own = new Set(clips.map(nameOfClip));
  if (there.size < conditions.length || own.size < clips.length) return null;
  const pairs = clips.flatMap((clip) => {
    const condition = there.get(nameOfClip(clip));
    return condition === undefined ? [] : [{ clip, condition }];
  });
  const lone = clips.filter((clip) => !there.has(nameOfClip(clip)));
  const others = conditions.filter((path) => !own.has(nameOfClip(path)));
  return { pairs, lone, others };
}

/** Pairs with what a glob or a folder found: by name where names agree, else in order. */
function pairFound(clips: readonly string[], conditions: readonly string[]): ClipPair[] {
  const named = byName(clips, conditions);
  if (named && named.pairs.length > 0 && named.lone.length + named.others.length > 0) {
    const { lone, others } = named;
    const what = [
      ...(lone.length > 0 ? [`${names(lone)} without a condition of that name`] : []),
      ...(others.length > 0 ? [`${names(others)} without a clip of that name`] : []),
    ];
    throw new FrameloomError('bad-data', `clips and conditions do not pair: ${what.join('; ')}`, {
      hint: 'name the condition of each clip by it, such as labels/{name}: a clip that has none can then be left out',
      path: 'data.condition.path',
    });
  }
  if (named?.pairs.length === clips.length) return named.pairs;
  return inOrder(clips, conditions);
}

function inOrder(clips: readonly string[], conditions: readonly string[]): ClipPair[] {
  if (conditions.length === clips.length) {
    return clips.map((clip, i) => ({ clip, condition: conditions[i]! }));
  }
  throw new FrameloomError(
    'bad-data',
    `${counted(clips.length, 'clip')} but ${counted(conditions.length, 'condition')}`,
    {
      hint: 'list one condition for each clip, or give a template such as {folder}/{name}-labels.mkv',
      path: 'data.condition.path',
    },
  );
}

/**
 * The condition of each clip. A template may hold {folder}, {name}, {parent} and {extension} of the
 * clip; a list pairs in order; a folder or a glob by name where names agree, else in order.
 * @returns for each clip its partner, which may be missing (`missingCondition`); clips that are
 *   themselves the partner of another clip (a folder holding both `a.mp4` and `a-labels.mkv`) are
 *   left out
 * @throws FrameloomError bad-data where counts or names differ, or each clip would be its own condition; bad-option for another key
 */
export async function pairClips(
  clips: readonly string[],
  path: string | readonly string[],
  baseFolder: string,
): Promise<ClipPair[]> {
  if (typeof path !== 'string') {
    // One by one: several clips may have the same condition.
    const each = await Promise.all(path.map(async (one) => expandClips([one], baseFolder)));
    return inOrder(clips, each.flat());
  }
  if (path.includes('{') && !isBraceGlob(path)) {
    const pairs = clips.map((clip) => ({ clip, condition: fillTemplate(path, clip, baseFolder) }));
    const conditions = new Set(pairs.map((pair) => pair.condition));
    const left = pairs.filter(({ clip }) => !conditions.has(clip));
    if (left.length === 0 && clips.length > 0) throw themselves(path);
    return left;
  }
  const conditions = await expandClips([path], baseFolder);
  const others = new Set(conditions);
  const left = clips.filter((clip) => !others.has(clip));
  if (left.length === 0 && clips.length > 0) throw themselves(path);
  return pairFound(left, conditions);
}

const themselves = (path: string): FrameloomError =>
  new FrameloomError('bad-data', `the conditions of ${path} are the clips themselves`, {
    hint: 'name where the conditions lie, such as labels or {folder}/{name}-labels.mkv',
    path: 'data.condition.path',
  });

/** `labels/{day,night}/*` is a glob and no template. */
const isBraceGlob = (path: string): boolean =>
  isDynamicPattern(path) && /\{[^{}]*[,.][^{}]*\}/.test(path) && !/\{\w*\}/.test(path);
