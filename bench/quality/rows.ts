import { readFile, readdir, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { basename, extname, join, relative, resolve } from 'node:path';
import { DEMO_SETTINGS } from '../../src/cli/commands/demo/run.js';
import { TRAIN_MINUTES } from '../../src/cli/defaults.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { inBench } from '../support/files.js';

/** What both sides learn from the same clip. */
export interface Row {
  readonly name: string;
  readonly about: string;
  /** A pipeline that comes along, by its file. */
  readonly pipeline: string;
  /** The pipeline's own unless given. */
  readonly clips: readonly string[];
  readonly set: readonly string[];
  /** Minutes of each training unless others are asked for. */
  readonly minutes: number;
}

/** Minutes of a clip of one's own, as the first words of the documentation give it. */
const CLIP_MINUTES = 8;

const shipped = (name: string): string => inBench(`../pipelines/${name}.yaml`);

/** What the repository carries. */
export const SAMPLE_ROWS: readonly Row[] = [
  {
    name: 'street-labels',
    about: 'the sample’s label maps, as `frameloom demo` trains on them',
    pipeline: shipped('labels-to-video'),
    clips: [],
    set: DEMO_SETTINGS,
    minutes: TRAIN_MINUTES,
  },
  {
    name: 'street-outlines',
    about: 'outlines of the same frames',
    pipeline: shipped('edges-to-video'),
    clips: [],
    set: [],
    minutes: CLIP_MINUTES,
  },
];

/** A row for each clip of the user's: outlines, at one size. */
export function clipRows(clips: readonly string[], size: string): Row[] {
  return clips.map((clip, i) => {
    const name = basename(clip, extname(clip));
    const isAgain = clips.some((other, j) => j < i && basename(other, extname(other)) === name);
    return {
      name: isAgain ? `${name}-${i + 1}` : name,
      about: `outlines of ${basename(clip)} at ${size}`,
      pipeline: shipped('edges-to-video'),
      clips: [resolve(clip)],
      set: [`data.size=${size}`],
      minutes: CLIP_MINUTES,
    };
  });
}

/** How long each training is. */
export type Length = { readonly steps: number } | { readonly minutes: number };

/** Further settings of a run. */
export const settingsOf = ({ set }: Row, seed: number, length: Length): string[] => [
  ...set,
  `seed=${seed}`,
  ...('steps' in length ? [`training.steps=${length.steps}`] : []),
];

export async function pipelineOf(row: Row, seed: number, length: Length): Promise<Pipeline> {
  const set = settingsOf(row, seed, length);
  return (await loadPipeline(row.pipeline, { clips: row.clips, set })).pipeline;
}

/** Everything that numbers depend on beside what is asked for: Frameloom's own sources, and PyTorch's side. */
export async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const [folder, ending] of [
    ['../src', '.ts'],
    ['peers', '.py'],
  ] as const) {
    const root = inBench(folder);
    const names = (await readdir(root, { recursive: true })).filter((name) =>
      name.endsWith(ending),
    );
    for (const name of names.sort()) hash.update(name).update(await readFile(join(root, name)));
  }
  return hash.digest('hex');
}

/** All that a run is asked for, in one word; where the repository lies is no part of it. */
export async function askedOf(
  row: Row,
  of: { readonly seed: number; readonly side: string; readonly length: Length },
  rest: readonly unknown[],
): Promise<string> {
  const pipeline = await pipelineOf(row, of.seed, of.length);
  const root = inBench('..');
  const clips = await Promise.all(
    pipeline.data.clips.map(async (clip) => {
      const { size, mtimeMs } = await stat(clip);
      return relative(root, clip).startsWith('..') ? [size, mtimeMs] : [size];
    }),
  );
  const text = JSON.stringify([pipelineToYaml(pipeline), of, clips, rest]);
  return createHash('sha256').update(text.replaceAll(root, '')).digest('hex').slice(0, 16);
}
