import { realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { FrameloomError } from '../../../base/error.js';
import { formatRational } from '../../../base/rational.js';
import type { DataOptions } from '../../../clips/index.js';
import { NO_DRIFT } from '../../../synthesis/evaluate/long-rollout.js';

/** As much of a run as decides whether it may stand beside another. */
export interface ComparedRun {
  readonly name: string;
  readonly data: DataOptions;
  /** Real frames that its generator starts from. */
  readonly historyFrames: number;
}

/** A path with all links followed, by which files are the same. */
export const truePath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    // A glob, a pattern of pictures, or gone: its words are all there is to go by.
    return resolve(path);
  }
};

/**
 * What runs are called in tables: the last part of their folders, or all of it where that is not enough.
 * @throws FrameloomError bad-option where one is named twice
 */
export function runNames(folders: readonly string[]): string[] {
  const paths = folders.map(truePath);
  const twice = folders.find((_, i) => paths.indexOf(paths[i]!) !== i);
  if (twice !== undefined) {
    throw new FrameloomError('bad-option', `${twice} is named twice`, {
      path: twice,
      hint: 'name different runs',
    });
  }
  const short = folders.map((folder) => basename(resolve(folder)));
  return new Set(short).size === short.length ? short : [...folders];
}

const isList = (path: string | readonly string[]): boolean =>
  typeof path !== 'string' && path.length > 1;

/** Files beside the clips are listed, in the order of these. */
const isListed = ({ condition, actions }: DataOptions): boolean =>
  (condition.kind === 'paired' && isList(condition.path)) ||
  (actions ? isList(actions.path) : false);

/** The keys of `data:` that decide which real frames are scored, and how each is said. */
const DECIDING: Readonly<Record<string, (data: DataOptions) => string>> = {
  'data.size': ({ size }) => `${size.width}x${size.height}`,
  'data.clips': (data) => {
    const paths = data.clips.map(truePath);
    return (isListed(data) ? paths : paths.toSorted()).join(', ') || 'none';
  },
  'data.fit': ({ fit }) => fit,
  'data.keyframes': ({ keyframes }) => (keyframes ? truePath(keyframes.folder) : 'none'),
  'data.fps': ({ fps }) => (fps ? formatRational(fps) : 'the clips’ own'),
  'data.startSeconds': ({ startSeconds = 0 }) => String(startSeconds),
  'data.durationSeconds': ({ durationSeconds }) => String(durationSeconds ?? 'all'),
  'data.deinterlace': ({ deinterlace }) => String(deinterlace),
  'data.heldOut.fraction': ({ heldOut }) => String(heldOut.fraction),
};

/** Those of them that another video is taken by too; the size has to be the same. */
const OF_ANY_VIDEO = ['data.fit', 'data.fps', 'data.deinterlace'] as const;

const shortened = (text: string): string =>
  text.length <= 80 ? text : `${text.slice(0, 38)} … ${text.slice(-38)}`;

/** The deciding settings in which a run is not as the first one. */
function differences(first: ComparedRun, other: ComparedRun, keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const [ours, theirs] = [first, other].map(({ data }) => DECIDING[key]!(data));
    return ours === theirs
      ? []
      : [
          `${key} is ${shortened(ours!)} in ${first.name} and ${shortened(theirs!)} in ${other.name}`,
        ];
  });
}

const conditionKey = ({ data }: ComparedRun): string => JSON.stringify(data.condition);

/** A condition in a few words. */
function conditionWords({ data: { condition } }: ComparedRun): string {
  if (condition.kind === 'none') return 'nothing';
  if (condition.kind === 'paired') {
    return condition.content === 'labels' ? 'label maps' : 'a paired video';
  }
  return 'filtergraph' in condition ? `"${shortened(condition.filtergraph)}"` : condition.preset;
}

/** Runs that have the same key, in the order in which these come first. */
function groupsOf<Run>(runs: readonly Run[], keyOf: (run: Run) => string): Run[][] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) groups.set(keyOf(run), [...(groups.get(keyOf(run)) ?? []), run]);
  return [...groups.values()];
}

/** Runs by their conditions. */
export const byCondition = <Run extends ComparedRun>(runs: readonly Run[]): Run[][] =>
  groupsOf(runs, conditionKey);

/**
 * What a run's generator is told of actions, as far as it decides the numbers: runs with the same are judged alike. What
 * becomes of a column in a mirrored picture is a matter of training.
 */
export const actionsKey = ({ data: { actions } }: Pick<ComparedRun, 'data'>): string => {
  if (!actions) return '';
  const columns = Object.entries(actions.columns).map(([name, own]) => [
    ...[name, own.kind, own.default],
    own.kind === 'axis' ? own.range : null,
  ]);
  return JSON.stringify([actions.path, actions.offsetFrames, columns]);
};

/** What is told of actions in a few words. */
const actionWords = ({ data: { actions } }: ComparedRun): string =>
  actions ? shortened(Object.keys(actions.columns).join(' ')) : 'nothing';

/** What has to be known of runs that are told different actions. */
function actionNotes(runs: readonly ComparedRun[]): string[] {
  const groups = groupsOf(runs, actionsKey);
  if (groups.length < 2) return [];
  const told = groups.map((group) => `${namesOf(group)} ${actionWords(group[0]!)}`);
  const same = new Set(groups.map((group) => actionWords(group[0]!))).size < groups.length;
  return [
    `the runs are told different actions: ${told.join(', ')}${same ? ' with other settings or files' : ''}; each is judged by its own`,
  ];
}

const namesOf = (runs: readonly ComparedRun[]): string => runs.map(({ name }) => name).join(', ');

/**
 * Whether runs may be compared, and what has to be known where they are.
 * @param input another video instead of what was held out, which leaves only the size to differ
 * @returns lines for people
 * @throws FrameloomError bad-option where they would not be scored on the same frames
 */
export function assertComparable(
  runs: readonly ComparedRun[],
  input: string | undefined,
): string[] {
  const [first, ...others] = runs;
  if (!first) throw new FrameloomError('bad-option', 'no run is named');
  const notes: string[] = [];
  const keys = Object.keys(DECIDING).filter((key) => input === undefined || key === 'data.size');
  const wrong = others.flatMap((other) => differences(first, other, keys));
  if (wrong.length > 0) {
    const sized = wrong.some((line) => line.startsWith('data.size'));
    throw new FrameloomError(
      'bad-option',
      `these runs are not scored on the same frames: ${wrong.join('; ')}`,
      {
        hint: sized
          ? 'only frames of one size are compared: train at the same data.size'
          : '-i VIDEO compares runs of one size on a video that none of them has seen',
      },
    );
  }
  if (input !== undefined) {
    for (const line of others.flatMap((other) => differences(first, other, OF_ANY_VIDEO))) {
      notes.push(`${line}: the video is taken as ${first.name} has it`);
    }
    const seen = runs.filter(({ data }) =>
      data.clips.some((clip) => truePath(clip) === truePath(input)),
    );
    if (seen.length > 0)
      notes.push(`${namesOf(seen)} had ${input} among its clips: to it that is no new video`);
  }
  const groups = byCondition(runs);
  if (groups.length > 1) {
    const words = groups.map((group) => `${namesOf(group)} by ${conditionWords(group[0]!)}`);
    const same = new Set(groups.map((group) => conditionWords(group[0]!))).size < groups.length;
    notes.push(
      `the runs are driven by different conditions: ${words.join(', ')}${same ? ' with other settings' : ''}; the nearest condition is looked up as ${first.name} sees it`,
    );
  }
  notes.push(...actionNotes(runs));
  const histories = [...new Set(runs.map(({ historyFrames }) => historyFrames))];
  if (histories.length > 1) {
    notes.push(
      `the runs start from ${histories.toSorted((a, b) => a - b).join(' or ')} real frames: all are scored from the frame on that the last of them makes first`,
    );
  }
  const alone = runs.filter(({ historyFrames }) => historyFrames === 0);
  if (alone.length > 0) {
    notes.push(`no slopes of a long rollout for ${namesOf(alone)}: ${NO_DRIFT}`);
  }
  return notes;
}

/** The data that a run is evaluated on beside the first: what it is told itself, of the very same frames. */
export const commonData = (
  first: Pick<ComparedRun, 'data'>,
  { data }: Pick<ComparedRun, 'data'>,
): DataOptions =>
  isListed(data) ? data : { ...first.data, condition: data.condition, actions: data.actions };
