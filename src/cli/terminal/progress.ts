import { SingleBar, Presets } from 'cli-progress';
import { formatBytes, formatDuration } from '../../base/units.js';
import type { Context } from './context.js';

/** How far a piece of work is. */
export interface ProgressState {
  readonly done: number;
  /** Unknown for a stream without end. */
  readonly total?: number | undefined;
  /** What is counted: `steps`, `frames`. */
  readonly unit: string;
  readonly framesPerSecond?: number | undefined;
  readonly etaSeconds?: number | undefined;
  readonly losses?: Readonly<Record<string, number>> | undefined;
  readonly tensorBytes?: number | undefined;
  readonly residentBytes?: number | undefined;
}

export interface ProgressView {
  update(state: ProgressState): void;
  /** Takes the bar away. */
  stop(): void;
}

const PLAIN_EVERY_MS = 10_000;
const FORMAT = '{bar} {percentage}% {value}/{total} {words}';

function words(state: ProgressState): string {
  const parts: string[] = [];
  if (state.framesPerSecond !== undefined) {
    parts.push(`${state.framesPerSecond.toFixed(1)} frames/s`);
  }
  for (const [name, value] of Object.entries(state.losses ?? {})) {
    parts.push(`${name} ${value.toPrecision(3)}`);
  }
  if (state.etaSeconds !== undefined) parts.push(`${formatDuration(state.etaSeconds)} left`);
  if (state.tensorBytes !== undefined) parts.push(`tensors ${formatBytes(state.tensorBytes)}`);
  if (state.residentBytes !== undefined) {
    parts.push(`process ${formatBytes(state.residentBytes)}`);
  }
  return parts.join(' · ');
}

/** One plain line about the work. */
export function progressLine(state: ProgressState): string {
  const count =
    state.total === undefined
      ? `${state.done} ${state.unit}`
      : `${state.done}/${state.total} ${state.unit}`;
  const rest = words(state);
  return rest === '' ? count : `${count} · ${rest}`;
}

function plainView(context: Context, now: () => number): ProgressView {
  let last: number | undefined;
  return {
    update: (state) => {
      if (last !== undefined && now() - last < PLAIN_EVERY_MS) return;
      last = now();
      context.log.info(progressLine(state), { progress: state });
    },
    stop: () => undefined,
  };
}

function barView(context: Context): ProgressView {
  const { terminal } = context;
  let bar: SingleBar | undefined;
  return {
    update: (state) => {
      if (bar === undefined) {
        bar = new SingleBar(
          { format: FORMAT, barsize: 20, hideCursor: true, clearOnComplete: true, fps: 10 },
          Presets.shades_classic,
        );
        bar.start(state.total ?? 0, state.done, { words: '' });
        // A log line takes the bar's line; the bar is drawn again below it.
        context.onBeforeLine = () => terminal.err('\r\u001b[2K');
      }
      if (state.total !== undefined) bar.setTotal(state.total);
      bar.update(state.done, { words: words(state) });
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
      context.onBeforeLine = undefined;
    },
  };
}

/**
 * Shows progress on standard error: a bar on a terminal, a line each ten seconds elsewhere,
 * nothing with --quiet.
 */
export function createProgress(
  context: Context,
  options: { now?: () => number } = {},
): ProgressView {
  if (context.quiet) return { update: () => undefined, stop: () => undefined };
  return context.terminal.interactive && !context.logJson
    ? barView(context)
    : plainView(context, options.now ?? Date.now);
}
