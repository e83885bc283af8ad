import { createHash } from 'node:crypto';
import { readdir, realpath, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FrameloomError } from '../../base/error.js';
import { tryLock, type Lock } from '../../base/lock.mjs';
import { silentLogger, type Logger } from '../../base/log.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError } from '../../base/outputs.js';
import { removeTemporary } from '../../base/temporaries.js';
import type { FilmProgress, SegmentFolder } from '../../video/index.js';
import { removeAtExit } from '../../video/process.js';
import { readFilmState, writeFilmState, type FilmState } from './film-state.js';
import type { Synthesizer, SynthesizerState } from '../engines/synthesizer.js';

const LOCK = 'lock';
const STATE = 'state';

/**
 * The folder that the parts of an output lie in while it is made: beside it, so that they are on the same
 * disk, and named after it, so that there is one.
 */
async function folderOf(output: string): Promise<string> {
  const place = await realpath(output).catch(() => output);
  const name = createHash('sha256').update(basename(place)).digest('hex').slice(0, 12);
  return join(dirname(place), `.${name}.frameloom-parts`);
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Everything in a folder of parts but the lock and what is named; never rejects. */
async function clear(folder: string, kept: ReadonlySet<string>, log: Logger): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  // The state first: without it the rest is nothing to anybody.
  for (const name of names.sort((a, b) => Number(b === STATE) - Number(a === STATE))) {
    const isLock = name === LOCK || name.startsWith(`${LOCK}.`);
    if (!isLock && !kept.has(name)) await removeTemporary(join(folder, name), log);
  }
}

async function giveBack(folder: string, lock: Lock, log: Logger): Promise<void> {
  await lock.release().catch((error: unknown) => {
    log.warn(`${join(folder, LOCK)} cannot be given back: ${String(error)}`);
  });
}

/** Removes a folder of parts, unless somebody has come to it meanwhile. */
async function remove(folder: string, lock: Lock, log: Logger): Promise<void> {
  await clear(folder, new Set(), log);
  await giveBack(folder, lock, log);
  await rmdir(folder).catch(() => undefined);
}

/**
 * Removes what a film left that was stopped half-way and that nobody will go on with.
 * @param isOfNoUse of what is there; default: whatever it is
 */
export async function removeParts(
  output: string,
  log: Logger = silentLogger,
  isOfNoUse: (state: FilmState | null, savedMs: number) => boolean = () => true,
): Promise<void> {
  const folder = await folderOf(output);
  if (!(await isThere(folder))) return;
  const { lock } = await tryLock(join(folder, LOCK)).catch((error: unknown) => {
    throw writeError(folder, error);
  });
  // Whoever is at work there cleans up.
  if (!lock) return;
  const path = join(folder, STATE);
  const saved = await stat(path).catch(() => undefined);
  if (!isOfNoUse(await readFilmState(path), saved?.mtimeMs ?? 0)) {
    return giveBack(folder, lock, log);
  }
  log.warn(`removing ${folder}: what was made there of another ${basename(output)} is of no use`);
  await remove(folder, lock, log);
}

/**
 * Removes the parts of a film that is in its place: its process died between naming it and cleaning
 * up. Parts of a film that is to replace it are older than nothing and stay.
 */
export async function removePartsOfMade(output: string, log?: Logger): Promise<void> {
  const made = await stat(output).catch(() => undefined);
  if (!made) return;
  await removeParts(output, log, (state, savedMs) => {
    return state !== null && state.progress.isComplete && made.mtimeMs >= savedMs;
  });
}

export interface FilmPartsOptions {
  /** Names the very work: model, input, settings. */
  readonly job: string;
  readonly segmentFrames: number;
  /** Real frames at the front, which the generator's state says nothing of. */
  readonly startFrames: number;
  /** Frames there will be, where that is known: for words. */
  readonly total: number | null;
  readonly log?: Logger | undefined;
}

/**
 * The parts of one film while it is made, which this process alone works at. What a process that died or
 * was stopped has finished of the very same work is gone on with.
 */
export class FilmParts {
  readonly #folder: string;
  readonly #lock: Lock;
  readonly #options: FilmPartsOptions;
  readonly #log: Logger;
  /** The generator's states by the frames made before, until their segment is finished. */
  readonly #states = new Map<number, Promise<SynthesizerState>>();
  #saved: FilmState | null;
  /** Until something is kept, the folder goes with this process, however that ends. */
  readonly #stay: () => void;

  private constructor(
    folder: string,
    lock: Lock,
    options: FilmPartsOptions,
    saved: FilmState | null,
  ) {
    this.#folder = folder;
    this.#lock = lock;
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#saved = saved;
    this.#stay = saved ? () => undefined : removeAtExit(folder);
  }

  /**
   * Takes the folder of an output's parts, with what is there of this work. Parts of other work are
   * removed.
   * @throws FrameloomError bad-option where another process is making this output; disk-full,
   *   write-failed
   */
  static async open(output: string, options: FilmPartsOptions): Promise<FilmParts> {
    const { log = silentLogger, total } = options;
    const folder = await folderOf(output);
    const taken = await (async () => {
      await makeFolder(folder);
      const onLost = (): void =>
        log.warn(`${folder} is no longer this process's: another one may be writing into it`);
      return tryLock(join(folder, LOCK), { onLost });
    })().catch((error: unknown) => {
      throw writeError(output, error);
    });
    if (!taken.lock) {
      const { here, owner } = taken.holder;
      const by = here ? 'this process' : `process ${owner?.pid} on ${owner?.host}`;
      throw new FrameloomError('bad-option', `${output} is being made already, by ${by}`, {
        path: output,
        hint: 'wait for it, or name another file',
      });
    }
    const saved = await usable(folder, options.job, log);
    const kept = saved?.progress.segments.map(({ name }) => name) ?? [];
    await clear(folder, new Set([...kept, ...(saved ? [STATE] : [])]), log);
    if (saved) {
      const { frames } = saved.progress;
      log.info(`${output}: going on at frame ${frames}${total === null ? '' : ` of ${total}`}`);
    }
    return new FilmParts(folder, taken.lock, options, saved);
  }

  /** Frames that are there and not to be made again. */
  get frames(): number {
    return this.#saved?.progress.frames ?? 0;
  }

  /** All frames are there. */
  get isComplete(): boolean {
    return this.#saved?.progress.isComplete ?? false;
  }

  /** What the generator carried behind them; null where it is to begin anew, or has nothing to do. */
  get synthesizer(): SynthesizerState | null {
    return this.#saved?.synthesizer ?? null;
  }

  /** For the encoder. */
  get segments(): SegmentFolder {
    const { segmentFrames } = this.#options;
    return {
      ...{ folder: this.#folder, segmentFrames, progress: this.#saved?.progress ?? null },
      keep: (progress) => this.#keep(progress),
    };
  }

  /**
   * To be told of each frame that was asked for, before the next one is.
   * @param frames with it, from the film's first one
   */
  asked(synthesizer: Synthesizer, frames: number): void {
    const { segmentFrames, startFrames } = this.#options;
    if (frames % segmentFrames !== 0 || frames <= startFrames) return;
    const state = synthesizer.snapshot();
    // Told when the segment is finished.
    state.catch(() => undefined);
    this.#states.set(frames, state);
  }

  async #keep(progress: FilmProgress): Promise<void> {
    const { job, startFrames } = this.#options;
    let synthesizer: SynthesizerState | null = null;
    if (!progress.isComplete) {
      // Among the real frames there is nothing yet to go on from.
      if (progress.frames <= startFrames) return;
      const state = this.#states.get(progress.frames);
      if (!state) throw new Error(`no state was taken at frame ${progress.frames}`);
      synthesizer = await state;
    }
    this.#states.delete(progress.frames);
    const saved = { job, progress, synthesizer };
    this.#stay();
    await writeFilmState(join(this.#folder, STATE), saved);
    this.#saved = saved;
  }

  /**
   * Gives the folder back.
   * @param isMade the film is in its place: nothing is kept. Otherwise what is finished is.
   */
  async close(isMade: boolean): Promise<void> {
    const [folder, log] = [this.#folder, this.#log];
    this.#stay();
    if (isMade || !this.#saved) return remove(folder, this.#lock, log);
    const { frames, segments } = this.#saved.progress;
    const { total } = this.#options;
    await clear(folder, new Set([STATE, ...segments.map(({ name }) => name)]), log);
    log.info(
      `${frames}${total === null ? '' : ` of ${total}`} frames are kept in ${folder}: the same command goes on from there`,
    );
    await giveBack(folder, this.#lock, log);
  }
}

/** The state of a folder, if it is of this work and all that it speaks of is there. */
async function usable(folder: string, job: string, log: Logger): Promise<FilmState | null> {
  const state = await readFilmState(join(folder, STATE));
  if (!state) return null;
  if (state.job !== job) {
    log.warn(`${folder} holds ${state.progress.frames} frames of other work: they are removed`);
    return null;
  }
  for (const { name, bytes } of state.progress.segments) {
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (facts?.size === bytes) continue;
    log.warn(`${join(folder, name)} is missing or was changed: the film is made from its start`);
    return null;
  }
  return state;
}
