import { counted, formatDuration } from '../../../base/units.js';
import type { BatchJob } from '../../../synthesis/index.js';
import type { QueuedEvent as BatchEvent } from '../../../queue/submit.js';
import type { Context } from '../../terminal/context.js';
import { bar, barColumns, createDrawing, isDrawn } from '../../terminal/progress.js';
import { cutToWidth, widthOf } from '../../terminal/width.js';

/** Shows how far a batch is. */
export interface BatchView {
  show(event: BatchEvent): void;
  /** Takes the bars away. */
  stop(): void;
}

/** What is known of the whole, by the events so far. */
export class BatchTally {
  finished = 0;
  /** Made or failed in this call. */
  worked = 0;
  readonly #total: number;
  readonly #now: () => number;
  readonly #started: number;
  readonly #running = new Map<BatchJob, number>();

  constructor(total: number, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#now = now;
    this.#started = now();
  }

  add(event: BatchEvent): void {
    const { kind, job } = event;
    if (kind === 'started') this.#running.set(job, 0);
    else if (kind === 'frame') this.#running.set(job, event.total ? event.done / event.total : 0);
    else {
      this.finished += 1;
      if (kind !== 'skipped' && kind !== 'kept') this.worked += 1;
      this.#running.delete(job);
    }
  }

  /** Of the rest, if it goes on as it did; undefined before anything is known. */
  etaSeconds(): number | undefined {
    const part = [...this.#running.values()].reduce((sum, share) => sum + share, 0);
    const worked = this.worked + part;
    if (worked <= 0) return undefined;
    const seconds = (this.#now() - this.#started) / 1000;
    return (seconds / worked) * (this.#total - this.finished - part);
  }

  /** `3/10 · 1m20s left` */
  words(): string {
    const eta = this.etaSeconds();
    const left = eta === undefined ? '' : ` · ${formatDuration(eta)} left`;
    return `${this.finished}/${this.#total}${left}`;
  }
}

/** What a program is told of an event, as one JSON line; undefined for what it is not told of. */
export function jsonLine(event: BatchEvent): string | undefined {
  const { kind, job } = event;
  if (kind === 'started' || kind === 'frame') return undefined;
  const more =
    kind === 'done'
      ? {
          frames: event.result.frames,
          durationSeconds: event.result.durationSeconds,
          seconds: Math.round(event.seconds * 1000) / 1000,
        }
      : kind === 'failed'
        ? {
            error: {
              code: event.error.code,
              message: event.error.message,
              hint: event.error.hint ?? null,
            },
          }
        : {};
  return `${JSON.stringify({ status: kind, ...job, ...more })}\n`;
}

/** One line when a job has ended; undefined for what goes without saying. */
function endLine(event: BatchEvent): string | undefined {
  if (event.kind !== 'done') return undefined;
  const { job, result, seconds } = event;
  // Made before its worker died, and found by another.
  if (seconds === 0) return `${job.output}: ${counted(result.frames, 'frame')}`;
  const rate = (result.frames / Math.max(seconds, 1e-3)).toFixed(1);
  return `${job.output}: ${counted(result.frames, 'frame')} in ${formatDuration(seconds)}, ${rate} frames/s`;
}

function plainView(context: Context, tally: BatchTally): BatchView {
  return {
    show: (event) => {
      tally.add(event);
      const line = endLine(event);
      if (line !== undefined) context.log.info(`${line} · ${tally.words()}`);
    },
    stop: () => undefined,
  };
}

/** A row of bars needs a screen; of more jobs at once the rest is a number. */
const MOST_BARS = 16;

function barView(context: Context, total: number, tally: BatchTally): BatchView {
  const { terminal, log } = context;
  const running = new Map<BatchJob, { done: number; total: number | null }>();
  const lines = (columns: number): string[] => {
    const wide = barColumns(columns);
    const most = Math.max(1, Math.min(MOST_BARS, terminal.rows - 3));
    const bars = [...running].slice(0, most).map(([{ output }, { done, total: all }]) => {
      const front = `${bar(all ? done / all : 0, wide)} ${all === null ? done : `${done}/${all}`} `;
      // The name's end tells it from others.
      return front + cutToWidth(output, columns - 1 - widthOf(front), 'front');
    });
    const more = running.size - bars.length;
    const rest = more > 0 ? ` · ${more} more under way` : '';
    return [
      ...bars,
      `${bar(total === 0 ? 0 : tally.finished / total, wide)} ${tally.words()}${rest}`,
    ];
  };
  const drawing = createDrawing(context, lines);
  return {
    show: (event) => {
      tally.add(event);
      const { kind, job } = event;
      if (kind === 'started') running.set(job, { done: 0, total: null });
      else if (kind === 'frame') running.set(job, { done: event.done, total: event.total });
      else {
        running.delete(job);
        const line = endLine(event);
        if (line !== undefined) log.info(line);
      }
      drawing.changed();
    },
    stop: () => drawing.stop(),
  };
}

/**
 * On a terminal a bar for each running job and one for all, with the time left; elsewhere a line for
 * each job that is done; nothing with --quiet.
 */
export function createBatchView(context: Context, total: number): BatchView {
  if (context.quiet) return { show: () => undefined, stop: () => undefined };
  const tally = new BatchTally(total);
  return isDrawn(context) ? barView(context, total, tally) : plainView(context, tally);
}
