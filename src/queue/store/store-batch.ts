import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { makeFolder } from '../../base/make-folder.mjs';
import type { Outcome } from '../../synthesis/batch/batch-folder.js';
import { fingerprint } from '../../synthesis/batch/fingerprint.js';
import { settingsOf, type JobSettings } from '../../synthesis/batch/job.js';
import { entrySchema, type ManifestEntry } from '../../synthesis/batch/manifest-entry.js';
import type { Synthesizer } from '../../synthesis/engines/synthesizer.js';
import type { AnyModel } from '../../synthesis/models/model.js';
import { generateVideo } from '../../synthesis/video/generate-video.js';
import { FrameloomError } from '../../base/error.js';
import type { Store, StoredObject } from './store.js';

/** A job whose output is an object: the object says itself what it was made of. */
export interface StoreJob {
  /** A file: of an input in a store its copy. */
  readonly input: string;
  /** As the manifest calls it. */
  readonly inputName: string;
  /** What tells it from another content: the hash of a file, the etag of an object. */
  readonly identity: string;
  readonly output: string;
  /** Of the outputs: `s3://bucket/folder/`. */
  readonly folder: string;
  readonly seed: number;
  readonly model: { readonly step: number; readonly sha256: string };
}

/** What is written beside an output, to know it again by. */
const workOf = (job: StoreJob, settings: ManifestEntry['settings']): string =>
  createHash('sha256')
    .update(JSON.stringify([job.model.sha256, job.identity, settings]))
    .digest('hex');

const NOTES = ['work', 'sha256', 'frames', 'seconds', 'input-sha256', 'input-bytes'] as const;

/** An output's line, by what it says of itself; undefined of what Frameloom did not make. */
function entryOf(
  job: StoreJob,
  settings: ManifestEntry['settings'],
  { bytes, modifiedMs, notes }: StoredObject,
): ManifestEntry | undefined {
  if (NOTES.some((name) => notes[name] === undefined)) return undefined;
  return entrySchema.safeParse({
    output: keyIn(job),
    model: job.model,
    settings,
    input: {
      path: job.inputName,
      bytes: Number(notes['input-bytes']),
      modifiedMs: Number(notes['input-modified']),
      sha256: notes['input-sha256'],
    },
    made: { bytes, modifiedMs, sha256: notes.sha256 },
    frames: Number(notes.frames),
    durationSeconds: Number(notes.seconds),
  }).data;
}

const keyIn = ({ output, folder }: Pick<StoreJob, 'output' | 'folder'>): string =>
  output.startsWith(folder) ? output.slice(folder.length) : output;

/** @returns its line, where a job is made already */
export async function madeInStore(
  store: Store,
  model: AnyModel,
  job: StoreJob,
  options: JobSettings,
): Promise<ManifestEntry | undefined> {
  const settings = await settingsOf(model, job, options);
  const there = await store.look(job.output);
  return there?.notes.work === workOf(job, settings) ? entryOf(job, settings, there) : undefined;
}

/**
 * Makes a job, and puts it into the store unless something else came there meanwhile.
 * @param folder of this job alone, for what is made before it is sent
 * @throws FrameloomError as generateVideo, and as Store
 */
export async function makeInStore(
  store: Store,
  model: AnyModel,
  job: StoreJob,
  how: JobSettings & {
    readonly folder: string;
    readonly synthesizer: () => Promise<Synthesizer>;
    readonly onFrame: (done: number, total: number | null) => void;
  },
): Promise<Outcome> {
  const { folder, synthesizer, onFrame, ...options } = how;
  const settings = await settingsOf(model, job, options);
  const work = workOf(job, settings);
  const judge = (there: StoredObject | undefined): Outcome | undefined => {
    if (!there) return undefined;
    const entry = there.notes.work === work ? entryOf(job, settings, there) : undefined;
    if (entry) return { kind: 'there', entry };
    // What is there of other work says that Frameloom made it: that is the batch's own.
    return there.notes.work === undefined && !options.overwrite ? { kind: 'kept' } : undefined;
  };
  const there = await store.look(job.output);
  const verdict = judge(there);
  if (verdict) return verdict;
  const started = performance.now();
  const place = join(folder, 'output', basename(job.output));
  await makeFolder(join(folder, 'output'));
  const { input, seed } = job;
  const result = await generateVideo(model, {
    ...options,
    ...{ input, output: place, seed, onFrame, overwrite: false },
    synthesizer: await synthesizer(),
  });
  const [source, made] = [await fingerprint(input), await fingerprint(place)];
  if (!source || !made) {
    const path = source ? place : input;
    throw new FrameloomError('not-found', `${path} is gone`, { path });
  }
  const sent = await store.put(
    job.output,
    { file: place },
    there ? { etag: there.etag } : { nothing: true },
    {
      ...{ work, sha256: made.sha256, frames: String(result.frames) },
      seconds: String(result.durationSeconds),
      ...{ 'input-sha256': source.sha256, 'input-bytes': String(source.bytes) },
      'input-modified': String(source.modifiedMs),
    },
  );
  const now = await store.look(job.output);
  const entry = now && entryOf(job, settings, now);
  if (!sent || !entry) return judge(now) ?? { kind: 'kept' };
  return { kind: 'made', entry, result, seconds: (performance.now() - started) / 1000 };
}

const MANIFEST = 'frameloom-manifest.jsonl';
/** Others may write it at the same time; each then reads it again. */
const MANIFEST_ATTEMPTS = 10;

/** Adds lines to the manifest of a folder in a store, those of the same outputs replaced. */
export async function enterInStore(
  store: Store,
  folder: string,
  entries: readonly ManifestEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const place = `${folder}${MANIFEST}`;
  for (let attempt = 1; attempt <= MANIFEST_ATTEMPTS; attempt += 1) {
    const there = await store.text(place);
    const lines = new Map<string, string>();
    for (const line of (there?.text ?? '').split('\n')) {
      const output = outputIn(line);
      if (output !== undefined) lines.set(output, line);
    }
    for (const entry of entries) lines.set(entry.output, JSON.stringify(entry));
    const text = `${[...lines.values()].join('\n')}\n`;
    if (text === there?.text) return;
    if (await store.put(place, { text }, there ? { etag: there.etag } : { nothing: true })) return;
  }
  throw new FrameloomError('write-failed', `${place} is written by others all the time`, {
    path: place,
    hint: 'the same command enters what is made',
  });
}

function outputIn(line: string): string | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data?.output;
  } catch {
    return undefined; // empty, or no line of a manifest
  }
}
