import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { FrameloomError, isFrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { assertWritable, refuseExisting, writeError, writeFileAtomic } from '../../base/outputs.js';
import type { Rational } from '../../base/rational.js';
import { sweepTemporaries } from '../../base/temporaries.js';
import type { ActionOptions } from '../../clips/action-options.js';
import type { Size } from '../../play/live/services.js';
import { parsePipeline } from '../../pipeline/load.js';
import type { Recording } from '../recording.js';
import { sayFound } from '../unfinished/finish.js';
import { UNFINISHED } from '../recording-files.js';
import { finishTake, startTake, unfinishedOf, type TakenFrame } from './take.js';
import { writtenNumber, type TakePipeline } from './take-pipeline.js';

const EXTENSIONS = ['.mp4', '.mkv'];

export interface TakesOptions {
  /** A folder for numbered takes, or the file of the one take: `.mp4`, or `.mkv` without loss. */
  readonly output: string;
  readonly fps: Rational;
  readonly pipeline: TakePipeline;
  /** Whether the one file may be replaced. */
  readonly overwrite: boolean;
  readonly log: Logger;
}

/** Where takes are kept, and the pipeline beside them that trains on all of them. */
export class Takes {
  readonly folder: string;
  /** The pipeline's file, in that folder. */
  readonly pipeline: string;
  readonly #options: TakesOptions;
  readonly #one: string | null;

  private constructor(options: TakesOptions, one: string | null) {
    this.#options = options;
    this.#one = one;
    this.folder = one === null ? options.output : dirname(one);
    this.pipeline = one === null ? 'pipeline.yaml' : `${stemOf(one)}.yaml`;
  }

  /**
   * Opens a place for takes, and makes takes of what recordings left there whose process was killed.
   * @throws FrameloomError bad-option of the place, and where takes of other columns lie there; exists where the one file
   *   is there; disk-full, write-failed where none could be written
   */
  static async open(options: TakesOptions): Promise<Takes> {
    const { output, overwrite, log } = options;
    const there = await stat(output).catch(() => undefined);
    const isFile = !there?.isDirectory() && extname(output) !== '';
    if (isFile && !EXTENSIONS.includes(extname(output).toLowerCase())) {
      throw new FrameloomError('bad-option', `takes are not written as ${extname(output)}`, {
        path: output,
        hint: 'name a folder, or a file that ends in .mp4, or in .mkv for one without loss',
      });
    }
    if (there && !there.isDirectory() && !isFile) {
      throw new FrameloomError('bad-option', `${output} is no folder`, { path: output });
    }
    const takes = new Takes(options, isFile ? output : null);
    await assertWritable(join(takes.folder, 'x'));
    if (there?.isDirectory() || isFile) await takes.#finishFound();
    if (isFile && !overwrite) await refuseExisting(output);
    await takes.#assertColumns();
    await sweepTemporaries(takes.folder, log);
    return takes;
  }

  /** @throws FrameloomError exists; disk-full, write-failed */
  async begin({ width, height }: Size): Promise<Recording<TakenFrame>> {
    const { fps, pipeline, overwrite, log } = this.#options;
    await makeFolder(this.folder).catch((error: unknown) => {
      throw writeError(this.folder, error);
    });
    const shared = {
      ...{ pipeline: this.pipeline, width, height, fps, overwrite, log },
      columns: Object.keys(pipeline.actions.columns),
      written: writtenNumber(pipeline.actions),
    };
    const take = await this.#start(shared);
    return {
      get frames() {
        return take.frames;
      },
      add: (frame) => take.add(frame),
      finish: async () => {
        const finished = await take.finish();
        if (finished) await this.#writePipeline({ width, height });
        return finished;
      },
    };
  }

  async #start(
    shared: Omit<Parameters<typeof startTake>[0], 'path'>,
  ): Promise<Recording<TakenFrame>> {
    if (this.#one !== null) return startTake({ ...shared, path: this.#one });
    for (let number = (await this.#lastNumber()) + 1; ; number += 1) {
      const path = join(this.folder, `${String(number).padStart(5, '0')}.mp4`);
      try {
        return await startTake({ ...shared, path, overwrite: false });
      } catch (error) {
        // Another process took that number.
        if (!isFrameloomError(error, 'exists')) throw error;
      }
    }
  }

  async #lastNumber(): Promise<number> {
    const names = await readdir(this.folder);
    return Math.max(0, ...names.map((name) => Number(/^(\d{5,})\./.exec(name)?.[1] ?? 0)));
  }

  /** What processes left that were killed is made whole; of what cannot be, it is said why. */
  async #finishFound(): Promise<void> {
    const { log } = this.#options;
    const names = await readdir(this.folder).catch(() => []);
    for (const name of names.filter((one) => one.endsWith(UNFINISHED))) {
      const folder = join(this.folder, name);
      if (this.#one !== null && folder !== unfinishedOf(this.#one)) continue;
      const found = await finishTake(folder, log);
      sayFound(found, { folder, made: found.kind === 'finished' ? found.made : '', log });
    }
  }

  /** One pipeline trains on all takes of a folder, so that all have its columns. */
  async #assertColumns(): Promise<void> {
    const path = join(this.folder, this.pipeline);
    const text = await readText(path);
    if (text === null) return;
    const { actions } = parsePipeline(text, path).pipeline.data;
    const wanted = columnsText(this.#options.pipeline.actions);
    if (actions && columnsText(actions) === wanted) return;
    throw new FrameloomError(
      'bad-option',
      `takes in ${this.folder} have ${actions ? columnsText(actions) : 'no columns'}, and these would have ${wanted}`,
      { path, hint: 'record the same columns, or into another folder by --output' },
    );
  }

  /** Written once: what somebody has changed in it since stays. */
  async #writePipeline(size: Size): Promise<void> {
    const path = join(this.folder, this.pipeline);
    if ((await readText(path)) !== null) return;
    const clips = this.#one === null ? '*.mp4' : basename(this.#one);
    const name = nameFrom(stemOf(this.#one ?? this.folder));
    const text = this.#options.pipeline.text(name, clips, size);
    await writeFileAtomic(path, text, { overwrite: false, log: this.#options.log });
  }
}

const stemOf = (path: string): string => basename(path, extname(path));

/** As a pipeline's name may be. */
const nameFrom = (text: string): string =>
  text.replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, '-').replace(/^[^\p{L}\p{N}]+/u, '') || 'recorded';

const columnsText = ({ columns }: ActionOptions): string =>
  Object.entries(columns)
    .map(([name, column]) =>
      column.kind === 'key' ? name : `${name}=axis(${column.range.join(' to ')})`,
    )
    .join(', ');

const readText = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);
