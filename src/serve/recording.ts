import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { makeFolder } from '../base/make-folder.mjs';
import { syncFolder, writeError, writeFileAtomic } from '../base/outputs.js';
import { formatRational, type Rational } from '../base/rational.js';
import { removeTemporary, sweepTemporaries, temporaryBeside } from '../base/temporaries.js';
import { toRate, writeFrames, type EncodeResult } from '../video/index.js';
import { actionsCsv } from '../clips/actions-csv.js';
import { FrameQueue } from './frame-queue.js';
import type { RecordingFiles } from './page-api.js';
import { RECORDED, RECORDING_FILES } from './recording-files.js';
import { recordedCondition, recordingPipeline, type RecordedModel } from './recording-pipeline.js';

/** Nearly without loss: what is recorded is there to be trained on. */
const CRF = 10;
/** Frames that wait for an encoder that is slower than the world: then the world waits. */
const WAITING_BYTES = 32 << 20;

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

/** A folder of the next free number, of what was made elsewhere. */
async function placeNumbered(made: string, folder: string): Promise<string> {
  const numbers = (await readdir(folder)).filter((name) => /^\d{5,}$/.test(name)).map(Number);
  for (let number = Math.max(0, ...numbers) + 1; ; number += 1) {
    const target = join(folder, String(number).padStart(5, '0'));
    try {
      await rename(made, target);
      return target;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another session was faster.
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'EPERM') throw error;
      if (!(await stat(target).catch(() => null))) throw error;
    }
  }
}

/**
 * Begins to record frames and what they were made of: a video, the conditions without loss, frame for frame, the
 * actions as CSV, and a pipeline that trains on them. All of it is written beside its place and gets its name
 * when it is whole, so that of a session that is killed nothing half-written stays.
 * @throws FrameloomError disk-full, write-failed; bad-option of the rate
 */
export async function startRecording(options: RecordingOptions): Promise<Recording> {
  const { folder, width, height, model, log } = options;
  const actions = (model.layout.actions ?? []).map(({ name }) => name);
  const fps = toRate(options.fps);
  const written = recordedCondition(model);
  const temporary = await temporaryBeside(join(folder, 'recording'));
  try {
    await makeFolder(folder);
    await sweepTemporaries(folder, log);
    await mkdir(temporary);
  } catch (error) {
    throw writeError(folder, error);
  }
  const stop = new AbortController();
  const shared = { fps, log, signal: stop.signal };
  const [video, condition] = [new FrameQueue(), new FrameQueue()];
  const rows: string[] = [];
  let frames = 0;
  let over = false;
  let failure: Error | null = null;
  const failed = (): Error | null => failure;
  const assertSound = (): void => {
    if (failure) throw failure;
  };
  /** Whoever waits for room. */
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
  };
  const isFull = (): boolean => video.bytes + condition.bytes > WAITING_BYTES;

  const encoded: Promise<EncodeResult>[] = [
    writeFrames(video, join(temporary, RECORDED.video), { ...shared, crf: CRF }),
    ...(written ? [writeFrames(condition, join(temporary, RECORDED.condition), shared)] : []),
  ];
  /** What went wrong, and that a recording is whole or none; of its temporaries nobody knows. */
  const lost = (error: unknown): FrameloomError => {
    const known = writeError(folder, error);
    const message = `${known.message.replaceAll(temporary, folder)}; nothing of this recording is kept`;
    const { code, hint } = known;
    return new FrameloomError(code, message, {
      path: folder,
      cause: error,
      ...(hint !== undefined && { hint }),
    });
  };
  for (const one of encoded) {
    one.catch((error: unknown) => {
      if (stop.signal.aborted) return;
      failure ??= lost(error);
      log.warn(failure.message);
      stop.abort();
      wake();
    });
  }
  for (const queue of [video, condition]) queue.onTaken = wake;

  /** Nothing of it stays. */
  async function discard(): Promise<void> {
    stop.abort();
    video.end();
    condition.end();
    await Promise.allSettled(encoded);
    await removeTemporary(temporary, log);
  }

  async function place(): Promise<FinishedRecording> {
    video.end();
    condition.end();
    await Promise.all(encoded);
    const files: RecordingFiles = {
      ...{ frames, fps: fps.num / fps.den },
      ...{ video: RECORDED.video, condition: written && RECORDED.condition },
      ...{ actions: actions.length > 0 ? RECORDED.actions : null, pipeline: RECORDED.pipeline },
    };
    if (actions.length > 0) {
      await writeFileAtomic(join(temporary, RECORDED.actions), actionsCsv(actions, rows));
    }
    const parts = {
      width,
      height,
      video: RECORDED.video,
      condition: files.condition,
      actions: files.actions,
    };
    const name = `recorded-${basename(dirname(dirname(folder)))}`.replaceAll(
      /[^\p{L}\p{N}._-]/gu,
      '-',
    );
    const pipeline = recordingPipeline(model, { ...parts, name, fps: formatRational(fps) });
    await writeFileAtomic(join(temporary, RECORDED.pipeline), pipeline);
    await writeFileAtomic(join(temporary, RECORDED.facts), `${JSON.stringify(files, null, 1)}\n`);
    await syncFolder(temporary);
    const placed = await placeNumbered(temporary, folder);
    await syncFolder(folder);
    const sizes = await Promise.all(
      RECORDING_FILES.map(async (file) => {
        const facts = await stat(join(placed, file)).catch(() => null);
        return facts ? ([[file, facts.size]] as const) : [];
      }),
    );
    return {
      name: basename(placed),
      folder: placed,
      files,
      bytes: Object.fromEntries(sizes.flat()),
    };
  }

  return {
    get frames() {
      return frames;
    },
    async add(frame) {
      assertSound();
      if (over) throw new FrameloomError('bad-call', 'this recording has ended');
      const shape = { index: frames, width, height, fps } as const;
      const timeSeconds = (frames * fps.den) / fps.num;
      frames += 1;
      video.push({ ...shape, timeSeconds, pixelFormat: 'rgb24', data: frame.rgb });
      if (written && frame.condition) {
        const data = written.picture(frame.condition);
        condition.push({ ...shape, timeSeconds, pixelFormat: written.pixelFormat, data });
      }
      if (actions.length > 0) {
        rows.push(
          [
            shape.index,
            ...(frame.actions ?? (model.layout.actions ?? []).map((column) => column.default)),
          ].join(','),
        );
      }
      while (isFull() && !failed()) {
        await new Promise<void>((resolve) => {
          const go = (): void => {
            waiting.delete(go);
            resolve();
          };
          waiting.add(go);
        });
      }
      assertSound();
    },
    async finish() {
      over = true;
      if (frames === 0 || failed()) {
        const why = failed();
        await discard();
        if (why) throw why;
        return null;
      }
      try {
        return await place();
      } catch (error) {
        await discard();
        throw failed() ?? lost(error);
      }
    },
  };
}
