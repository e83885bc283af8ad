import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { readStepCounts } from '../training/written-counts.js';
import { lockState } from '../training/run/lock.js';
import { openRun, type RunPaths } from '../training/run/run-folder.js';
import { describeSnapshots } from '../training/run/snapshot-store.js';
import type { StepLine } from '../training/run/step-log.js';
import { LogTail } from './log-tail.js';
import { API } from './page-api.js';
import { eventsOf, healthOf } from './training-events.js';
import type {
  TrainingCurve,
  TrainingEvent,
  TrainingMessage,
  TrainingProgress,
  TrainingSample,
  TrainingSnapshot,
} from './training-messages.js';

/** How often a run's folder is looked at: that costs a few system calls. */
const LOOK_MS = 500;
/** Points of a curve that are sent to a page that connects: more are no more to see. */
const MOST_POINTS = 2000;
/** Events that are kept for pages that connect later. */
const MOST_EVENTS = 500;
const SAMPLE = /^step-(\d+)\.png$/;

/** What the process that trains says of itself, beside what it writes into its run. */
export type ToldProgress = Partial<
  Pick<
    TrainingProgress,
    'step' | 'steps' | 'share' | 'etaSeconds' | 'framesPerSecond' | 'doing' | 'health' | 'ending'
  >
> & { readonly state?: TrainingProgress['state'] | undefined };

export interface WatchOptions {
  /** Of the run. */
  readonly folder: string;
  /** The pipeline's name. */
  readonly pipeline: string;
  /** What lines of a log say of every number that they have. */
  readonly curvesOf: (lines: readonly StepLine[]) => Promise<readonly TrainingCurve[]>;
  /** Told of each snapshot that came since the beginning of the watch. */
  readonly onSnapshot: (step: number) => void;
  readonly log: Logger;
}

type Listener = (message: TrainingMessage) => void;

/** So many points of a curve, its ends among them. */
function thinned(curve: TrainingCurve): TrainingCurve {
  const { points } = curve;
  if (points.length <= MOST_POINTS) return curve;
  const stride = (points.length - 1) / (MOST_POINTS - 1);
  const kept = Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round(i * stride)]!);
  return { ...curve, points: kept };
}

/**
 * Looks at a run while somebody else trains it, and tells of what is new. Nothing of the training is asked or held up by
 * that: all is read from the files that it writes anyway.
 */
export class TrainingWatch {
  readonly #options: WatchOptions;
  readonly #listeners = new Set<Listener>();
  readonly #curves = new Map<string, TrainingCurve & { points: (readonly [number, number])[] }>();
  #events: TrainingEvent[] = [];
  readonly #samples = new Map<number, TrainingSample>();
  readonly #snapshots = new Map<number, TrainingSnapshot>();
  #progress: TrainingProgress;
  #told: ToldProgress = {};
  #run: RunPaths | undefined;
  #tail: LogTail | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #begun = false;
  #closed = false;
  #wasHeld = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#progress = {
      ...{ type: 'progress', run: options.folder, pipeline: options.pipeline, state: 'starting' },
      ...{ step: 0, steps: null, share: null, etaSeconds: null, framesPerSecond: null },
      ...{ doing: null, health: null, ending: null },
    };
  }

  /** Whether it is being trained now. */
  get isTraining(): boolean {
    return !['ended', 'lost'].includes(this.#progress.state);
  }

  /** Of the newest snapshot; null where there is none. */
  get snapshotStep(): number | null {
    const steps = [...this.#snapshots.keys()];
    return steps.length === 0 ? null : Math.max(...steps);
  }

  /** Looks for the first time, and then again and again until it is closed. */
  async begin(): Promise<void> {
    this.#run = await openRun(this.#options.folder);
    this.#tail = new LogTail(this.#run.log);
    await this.#look();
    this.#begun = true;
    this.#wait();
  }

  /** Tells all that is known, and then what is new. @returns ends it */
  listen(listener: Listener): () => void {
    listener(this.#progress);
    listener({ type: 'curves', replace: true, curves: [...this.#curves.values()].map(thinned) });
    for (const event of this.#events) listener(event);
    const bySteps = <T extends { step: number }>(all: Iterable<T>): T[] =>
      [...all].sort((a, b) => a.step - b.step);
    for (const sample of bySteps(this.#samples.values())) listener(sample);
    for (const snapshot of bySteps(this.#snapshots.values())) listener(snapshot);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the process that trains says of itself. */
  tell({ state, ...told }: ToldProgress): void {
    this.#told = { ...this.#told, ...told, ...(state !== undefined && { state }) };
    this.#say({ ...told, ...(state !== undefined && { state }) });
  }

  /** Waits until there are weights to play with; no longer than the training goes on, or the watch, or whoever waits. */
  async firstSnapshot(signal?: AbortSignal): Promise<void> {
    const isWaitedFor = (): boolean => !this.#closed && signal?.aborted !== true;
    while (isWaitedFor() && this.isTraining && this.snapshotStep === null) {
      await sleep(LOOK_MS / 2);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #wait(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().then(() => this.#wait());
    }, LOOK_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#readLog();
      await this.#readState();
      await this.#readSamples();
      await this.#readSnapshots();
    } catch (error) {
      // A run that is being written may be seen in the middle of it: the next look sees it whole.
      if (!isFrameloomError(error) && (error as NodeJS.ErrnoException).code === undefined)
        throw error;
      this.#options.log.debug(`the run cannot be looked at now: ${String(error)}`);
    }
  }

  async #readLog(): Promise<void> {
    const { lines, replaced } = await this.#tail!.read();
    if (replaced) {
      this.#curves.clear();
      this.#events = [];
    }
    if (lines.length === 0 && !replaced) return;
    const added = await this.#options.curvesOf(lines);
    for (const curve of added) {
      const known = this.#curves.get(curve.name);
      if (known) known.points.push(...curve.points);
      else this.#curves.set(curve.name, { ...curve, points: [...curve.points] });
    }
    this.#tellAll({ type: 'curves', replace: replaced, curves: added.map(thinned) });
    for (const event of lines.flatMap(eventsOf)) {
      this.#events.push(event);
      this.#tellAll(event);
    }
    this.#events = this.#events.slice(-MOST_EVENTS);
    const last = lines.at(-1);
    const health = lines.map(healthOf).findLast((one) => one !== undefined);
    const { framesPerSecond } = lines.findLast(({ clock }) => clock)?.clock ?? {};
    this.#say({
      ...(last && { step: replaced ? last.step : Math.max(last.step, this.#progress.step) }),
      ...(health !== undefined && { health }),
      ...(framesPerSecond !== undefined && { framesPerSecond }),
    });
  }

  async #readState(): Promise<void> {
    const held = await lockState(join(this.#run!.folder, 'lock'));
    this.#wasHeld ||= held === 'held';
    const written = await readStepCounts(this.#run!);
    const steps = this.#told.steps ?? written?.counts.at(-1)?.steps ?? null;
    const { step, state } = this.#progress;
    const working = this.#told.state ?? (step > 0 ? 'training' : 'starting');
    // One that told of itself before it took the lock has not ended yet.
    const isOver = held === 'free' && (this.#wasHeld || this.#told.state === undefined);
    const now = held === 'gone' ? 'lost' : isOver ? 'ended' : held === 'held' ? working : state;
    const share = this.#told.share ?? (steps === null ? null : Math.min(1, step / steps));
    this.#say({ state: now, steps, share });
  }

  async #readSamples(): Promise<void> {
    for (const name of await readdir(this.#run!.samples)) {
      const step = Number(SAMPLE.exec(name)?.[1] ?? NaN);
      if (Number.isNaN(step) || this.#samples.has(step)) continue;
      const sample = { type: 'sample', step, path: `${API.samples}/${name}` } as const;
      this.#samples.set(step, sample);
      this.#tellAll(sample);
    }
  }

  async #readSnapshots(): Promise<void> {
    const found = await describeSnapshots(this.#run!.snapshots);
    for (const known of this.#snapshots.keys()) {
      if (!found.some(({ step }) => step === known)) this.#snapshots.delete(known);
    }
    for (const { step, score, problem } of found) {
      if (problem !== undefined) continue;
      const known = this.#snapshots.get(step);
      if (known?.score === score) continue;
      const snapshot = { type: 'snapshot', step, score } as const;
      this.#snapshots.set(step, snapshot);
      this.#tellAll(snapshot);
      if (!known && this.#begun) this.#options.onSnapshot(step);
    }
  }

  #say(changes: Partial<TrainingProgress>): void {
    const next = { ...this.#progress, ...changes };
    if (JSON.stringify(next) === JSON.stringify(this.#progress)) return;
    this.#progress = next;
    this.#tellAll(next);
  }

  #tellAll(message: TrainingMessage): void {
    for (const listener of this.#listeners) listener(message);
  }
}
