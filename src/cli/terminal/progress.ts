import { formatBytes, formatDuration } from '../../base/units.js';
import type { Context } from './context.js';

/** How far a piece of work is. */
export interface ProgressState {
  readonly done: number;
  /** Unknown for a stream without end. */
  readonly total?: number | undefined;
  /** What is counted: `steps`, `frames`. */
  readonly unit: string;
  /** Of a limit in time, how much has passed, 0 to 1. What is reached first fills the bar. */
  readonly timeShare?: number | undefined;
  readonly framesPerSecond?: number | undefined;
  readonly etaSeconds?: number | undefined;
  /** How it goes, in a word. */
  readonly health?: string | undefined;
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
const DRAWN_EVERY_MS = 100;

function words(state: ProgressState): string {
  const parts: string[] = [];
  if (state.framesPerSecond !== undefined) {
    parts.push(`${state.framesPerSecond.toFixed(1)} frames/s`);
  }
  for (const [name, value] of Object.entries(state.losses ?? {})) {
    parts.push(`${name} ${value.toPrecision(3)}`);
  }
  if (state.health !== undefined) parts.push(state.health);
  if (state.etaSeconds !== undefined) parts.push(`${formatDuration(state.etaSeconds)} left`);
  if (state.tensorBytes !== undefined) parts.push(`tensors ${formatBytes(state.tensorBytes)}`);
  if (state.residentBytes !== undefined) {
    parts.push(`process ${formatBytes(state.residentBytes)}`);
  }
  return parts.join(' · ');
}

/** Whether the time will be over before the work is done: its total is then never reached. */
const endsByTime = ({ done, total, timeShare }: ProgressState): boolean =>
  timeShare !== undefined && (total === undefined || timeShare >= done / total);

/** One plain line about the work. */
export function progressLine(state: ProgressState): string {
  const count =
    state.total === undefined || endsByTime(state)
      ? `${state.done} ${state.done === 1 ? state.unit.replace(/s$/, '') : state.unit}`
      : `${state.done}/${state.total} ${state.unit}`;
  const rest = words(state);
  return rest === '' ? count : `${count} · ${rest}`;
}

/** A bar of so many columns, filled by a share of 0 to 1. */
export function bar(share: number, columns: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * columns);
  return '█'.repeat(full) + '░'.repeat(columns - full);
}

/** A bar gives way to words where there is little room. */
export const barColumns = (columns: number): number => (columns < 60 ? 8 : 20);

/** The line with its bar, of what is known how much there is of it. */
export function barLine(state: ProgressState, columns: number): string {
  const { done, total, timeShare } = state;
  const share = endsByTime(state) ? timeShare! : total ? done / total : undefined;
  if (share === undefined) return progressLine(state);
  const percent = Math.floor(Math.min(1, share) * 100);
  return `${bar(share, barColumns(columns))} ${percent}% · ${progressLine(state)}`;
}

/**
 * Draws lines again and again, but not more often than one can see.
 * @param lines what is to be shown now
 */
export function createDrawing(
  { terminal }: Pick<Context, 'terminal'>,
  lines: (columns: number) => readonly string[],
): { changed(): void; stop(): void } {
  let last = Number.NEGATIVE_INFINITY;
  let later: NodeJS.Timeout | undefined;
  const draw = (): void => {
    clearTimeout(later);
    later = undefined;
    last = performance.now();
    terminal.show(lines(terminal.columns));
  };
  return {
    changed: () => {
      const wait = last + DRAWN_EVERY_MS - performance.now();
      if (wait <= 0) draw();
      // What changed last is shown even where nothing follows.
      else later ??= setTimeout(draw, wait).unref();
    },
    stop: () => {
      clearTimeout(later);
      later = undefined;
      terminal.show([]);
    },
  };
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
  let state: ProgressState | undefined;
  const drawing = createDrawing(context, (columns) => (state ? [barLine(state, columns)] : []));
  return {
    update: (now) => {
      state = now;
      drawing.changed();
    },
    stop: () => drawing.stop(),
  };
}

/** Whether work is shown by lines that change; otherwise by lines that stay. */
export const isDrawn = ({ terminal, logJson }: Context): boolean =>
  terminal.interactive && !logJson;

/**
 * Shows progress on standard error: a bar on a terminal, a line each ten seconds elsewhere,
 * nothing with --quiet.
 */
export function createProgress(
  context: Context,
  options: { now?: () => number } = {},
): ProgressView {
  if (context.quiet) return { update: () => undefined, stop: () => undefined };
  return isDrawn(context) ? barView(context) : plainView(context, options.now ?? Date.now);
}
