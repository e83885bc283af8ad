import { readdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { makeFolder } from '../base/make-folder.mjs';
import { syncFolder, writeError, writeFileAtomic } from '../base/outputs.js';
import { formatRational, type Rational } from '../base/rational.js';
import { sweepTemporaries } from '../base/temporaries.js';
import { counted } from '../base/units.js';
import { actionsCsv } from '../clips/actions-csv.js';
import { toRate } from '../video/index.js';
import type { RecordingFiles } from './page-api.js';
import { RECORDED, RECORDING_FILES, UNFINISHED } from './recording-files.js';
import { recordedCondition, recordingPipeline, type RecordedModel } from './recording-pipeline.js';
import { finishUnfinished, sayFound } from './unfinished/finish.js';
import type { Placing, UnfinishedFacts } from './unfinished/folder.js';
import { startUnfinished, type UnfinishedRecording } from './unfinished/start.js';

/** Nearly without loss: what is recorded is there to be trained on. */
const CRF = 10;
/** Frames that wait for an encoder that is slower than the world: then the world waits. */
const WAITING_BYTES = 32 << 20;
/** Where its files come together, in the folder of what is not whole. */
const WHOLE = 'whole';

const aboutSchema = z.object({
  /** Names of what is told at each frame. */
  columns: z.array(z.string()),
  /** The text of the pipeline that trains on it. */
  pipeline: z.string(),
});

export interface RecordingOptions {
  /** Of all recordings. */
  readonly folder: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number | string | Rational;
  readonly model: RecordedModel;
  readonly log: Logger;
}

/** A frame of a session. */
export interface RecordedFrame {
  /** rgb24. */
  readonly rgb: Uint8Array;
  /** In the model's pixel format; null of a model without condition. */
  readonly condition: Uint8Array | null;
  /** As many numbers as there are columns. */
  readonly actions?: readonly number[] | Float32Array | undefined;
}

/** A recording in its place. */
export interface FinishedRecording {
  readonly name: string;
  readonly folder: string;
  readonly files: RecordingFiles;
  readonly bytes: Readonly<Record<string, number>>;
}

export interface Recording<Frame = RecordedFrame> {
  readonly frames: number;
  /**
   * Takes one frame, whose bytes must not change any more.
   * @returns once there is room for another
   * @throws FrameloomError what it cannot go on for: disk-full, write-failed, ffmpeg-failed; bad-call once it has ended
   */
  add(frame: Frame): Promise<void>;
  /**
   * Ends it: everything is in its folder, whole.
   * @returns null where no frame had come, and nothing was written
   * @throws FrameloomError disk-full, write-failed, ffmpeg-failed
   */
  finish(): Promise<FinishedRecording | null>;
}

const numbersIn = async (folder: string): Promise<number[]> =>
  (await readdir(folder)).map((name) => Number(/^(\d{5,})(\.|$)/.exec(name)?.[1] ?? 0));

/** A folder of its own number, or of the next free one where somebody took it, of what was made elsewhere. */
async function placeNumbered(made: string, folder: string, wanted: number): Promise<string> {
  for (let number = wanted; ; number = Math.max(0, ...(await numbersIn(folder))) + 1) {
    const target = join(folder, numbered(number));
    try {
      await rename(made, target);
      return target;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'EPERM') throw error;
      if (!(await stat(target).catch(() => null))) throw error;
    }
  }
}

const numbered = (number: number): string => String(number).padStart(5, '0');

/** Files of a recording come together beside its segments, and get their place at once. */
const placingIn = (unfinished: string): Placing => ({
  pathOf: (file) => join(unfinished, WHOLE, file),
  // Of a process that was killed while it put them together.
  overwrite: true,
});

/** Writes what lies beside the videos, and gives the folder its place. */
async function place(
  unfinished: string,
  { fps, tracks, about }: UnfinishedFacts,
  rows: readonly string[],
): Promise<FinishedRecording> {
  const { columns, pipeline } = aboutSchema.parse(about);
  const whole = join(unfinished, WHOLE);
  const files: RecordingFiles = {
    ...{ frames: rows.length, fps: fps.num / fps.den },
    ...{ video: RECORDED.video, condition: tracks.length > 1 ? RECORDED.condition : null },
    ...{ actions: columns.length > 0 ? RECORDED.actions : null, pipeline: RECORDED.pipeline },
  };
  if (columns.length > 0) {
    const numbers = rows.map((row, frame) => `${frame},${row}`);
    await writeFileAtomic(join(whole, RECORDED.actions), actionsCsv(columns, numbers));
  }
  await writeFileAtomic(join(whole, RECORDED.pipeline), pipeline);
  await writeFileAtomic(join(whole, RECORDED.facts), `${JSON.stringify(files, null, 1)}\n`);
  await syncFolder(whole);
  const folder = dirname(unfinished);
  const own = Number(basename(unfinished, UNFINISHED));
  const placed = await placeNumbered(whole, folder, own);
  await syncFolder(folder);
  const sizes = await Promise.all(
    RECORDING_FILES.map(async (file) => {
      const facts = await stat(join(placed, file)).catch(() => null);
      return facts ? ([[file, facts.size]] as const) : [];
    }),
  );
  const bytes = Object.fromEntries(sizes.flat());
  return { name: basename(placed), folder: placed, files, bytes };
}

/** Takes the next free number. */
async function startNumbered(
  folder: string,
  facts: UnfinishedFacts,
  log: Logger,
): Promise<[string, UnfinishedRecording]> {
  try {
    await makeFolder(folder);
    await sweepTemporaries(folder, log);
    for (let next = Math.max(0, ...(await numbersIn(folder))) + 1; ; next += 1) {
      const unfinished = join(folder, `${numbered(next)}${UNFINISHED}`);
      try {
        const running = await startUnfinished({
          ...{ folder: unfinished, facts, waitingBytes: WAITING_BYTES, log },
          placing: placingIn(unfinished),
        });
        return [unfinished, running];
      } catch (error) {
        // Another session was faster.
        if (!isFrameloomError(error, 'exists')) throw error;
      }
    }
  } catch (error) {
    throw writeError(folder, error);
  }
}

/**
 * Begins to record frames and what they were made of: a video, the conditions without loss, frame for frame, the
 * actions as CSV, and a pipeline that trains on them. Until it is whole a folder NUMBER.unfinished stands for it, of which
 * `finishRecordings` makes a recording where its process is killed.
 * @throws FrameloomError disk-full, write-failed; bad-option of the rate
 */
export async function startRecording(options: RecordingOptions): Promise<Recording> {
  const { folder, width, height, model, log } = options;
  const columns = model.layout.actions ?? [];
  const fps = toRate(options.fps);
  const written = recordedCondition(model);
  const name = `recorded-${basename(dirname(dirname(folder)))}`.replaceAll(
    /[^\p{L}\p{N}._-]/gu,
    '-',
  );
  const pipeline = recordingPipeline(model, {
    ...{ name, width, height, fps: formatRational(fps) },
    ...{ video: RECORDED.video, condition: written && RECORDED.condition },
    actions: columns.length > 0 ? RECORDED.actions : null,
  });
  const facts: UnfinishedFacts = {
    ...{ width, height, fps: { num: fps.num, den: fps.den } },
    tracks: [
      { file: RECORDED.video, pixelFormat: 'rgb24', crf: CRF },
      ...(written
        ? [{ file: RECORDED.condition, pixelFormat: written.pixelFormat, crf: null }]
        : []),
    ],
    about: { columns: columns.map((column) => column.name), pipeline },
  };
  const [unfinished, running] = await startNumbered(folder, facts, log);
  let told: Promise<FrameloomError> | null = null;

  /** Ends it where it is, and says once what went wrong and what is kept. */
  const giveUp = (why: unknown): Promise<FrameloomError> =>
    (told ??= (async () => {
      const frames = await running.giveUp();
      const { code, message, hint } = writeError(folder, why);
      const kept =
        frames === 0
          ? 'nothing of this recording is kept'
          : `${counted(frames, 'frame')} of this recording are kept in ${unfinished}, and the next frameloom live makes a recording of them`;
      const said = `${message.replaceAll(join(unfinished, WHOLE), folder)}; ${kept}`;
      log.warn(said);
      return new FrameloomError(code, said, {
        ...{ path: folder, cause: why },
        ...(hint !== undefined && { hint }),
      });
    })());

  return {
    get frames() {
      return running.frames;
    },
    async add({ rgb, condition, actions }) {
      if (written && !condition) {
        throw new FrameloomError('bad-call', 'a frame of this generator is made of a condition');
      }
      const row =
        columns.length > 0 ? (actions ?? columns.map((one) => one.default)).join(',') : '';
      const pictures = written && condition ? [rgb, written.picture(condition)] : [rgb];
      try {
        await running.add(pictures, row);
      } catch (error) {
        if (running.failure) throw await giveUp(error);
        throw error;
      }
    },
    async finish() {
      if (running.frames === 0 && !running.failure) {
        await running.giveUp();
        return null;
      }
      try {
        const finished = await place(unfinished, facts, await running.end());
        await running.remove();
        return finished;
      } catch (error) {
        throw await giveUp(error);
      }
    },
  };
}

/** What processes left that were killed is made whole; of what cannot be, it is said why. @param folder of all recordings */
export async function finishRecordings(folder: string, log: Logger): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.endsWith(UNFINISHED))) {
    const unfinished = join(folder, name);
    const found = await finishUnfinished(unfinished, {
      placing: ({ about }) => (aboutSchema.safeParse(about).success ? placingIn(unfinished) : null),
      finish: (facts, rows) => place(unfinished, facts, rows),
      log,
    });
    const made = found.kind === 'finished' ? found.made.folder : '';
    sayFound(found, { folder: unfinished, made, log });
  }
}
