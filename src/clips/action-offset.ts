import { throwIfCancelled } from '../base/cancel.js';
import type { Dataset } from './types.js';

/** How far the picture comes after what was done, as far as can be told from both. */
export interface ActionOffset {
  /** Frames by which the picture answers later than the file says; negative where earlier. */
  readonly frames: number;
  /** Share of the picture's changes that actions explain at that offset, 0 to 1. */
  readonly explained: number;
  /** The same as the data is taken now. */
  readonly explainedNow: number;
}

/** Looked for so far either way. */
const MOST_OFFSET = 8;
/** Frames of each clip that are looked at, at the most. */
const MOST_FRAMES = 2000;
const FEWEST_FRAMES = 60;
const BLOCK_FRAMES = 64;
/** Cells of a picture along each side, whose mean brightness is followed. */
const CELLS = 12;
/** What is explained by less than this is chance. */
const LEAST_EXPLAINED = 0.02;
/** Another offset has to explain so much more than none. */
const STANDS_OUT = 1.5;

/** What moves from one picture to the next: how much, and whereto. */
const MOVES = 3;

/** Mean brightness of the cells of a picture, [CELLS, CELLS]. */
function cellsOf(rgb: Uint8Array, width: number, height: number): Float64Array {
  const sums = new Float64Array(CELLS * CELLS);
  const counts = new Float64Array(CELLS * CELLS);
  for (let y = 0, at = 0; y < height; y += 1) {
    const row = Math.floor((y * CELLS) / height) * CELLS;
    for (let x = 0; x < width; x += 1, at += 3) {
      const cell = row + Math.floor((x * CELLS) / width);
      sums[cell]! += rgb[at]! + rgb[at + 1]! + rgb[at + 2]!;
      counts[cell]! += 1;
    }
  }
  return sums.map((sum, i) => sum / Math.max(1, counts[i]!) / 3);
}

/** How much two pictures differ, and by which shift the second comes of the first (least squares, Lucas & Kanade 1981). */
function moveBetween(before: Float64Array, now: Float64Array): number[] {
  let [much, xx, yy, xy, xt, yt] = [0, 0, 0, 0, 0, 0];
  for (let y = 1; y < CELLS - 1; y += 1) {
    for (let x = 1; x < CELLS - 1; x += 1) {
      const i = y * CELLS + x;
      const mean = (a: number): number => (before[a]! + now[a]!) / 2;
      const [dx, dy] = [mean(i + 1) - mean(i - 1), mean(i + CELLS) - mean(i - CELLS)];
      const dt = now[i]! - before[i]!;
      much += Math.abs(dt);
      xx += dx * dx;
      yy += dy * dy;
      xy += dx * dy;
      xt += dx * dt;
      yt += dy * dt;
    }
  }
  const ridge = 1e-3 * (xx + yy) + 1e-9;
  const whole = (xx + ridge) * (yy + ridge) - xy * xy;
  return [much, -((yy + ridge) * xt - xy * yt) / whole, -((xx + ridge) * yt - xy * xt) / whole];
}

/** A column of numbers about its mean, at deviation 1; null where all are the same. */
function standardized(values: Float64Array): Float64Array | null {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return square < 1e-12 ? null : values.map((value) => (value - mean) / Math.sqrt(square));
}

/** Changes from each number to the next. */
const differences = (values: Float64Array): Float64Array =>
  Float64Array.from({ length: values.length - 1 }, (_, i) => values[i + 1]! - values[i]!);

/** Solves a · x = b for symmetric, positive a (Cholesky would do; Gauss needs no more lines). */
function solve(a: number[][], b: number[]): number[] {
  const size = b.length;
  const rows = a.map((row, i) => [...row, b[i]!]);
  for (let i = 0; i < size; i += 1) {
    for (let k = i + 1; k < size; k += 1) {
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j <= size; j += 1) rows[k]![j]! -= factor * rows[i]![j]!;
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i -= 1) {
    const known = x.reduce((sum, value, j) => (j > i ? sum + rows[i]![j]! * value : sum), 0);
    x[i] = (rows[i]![size]! - known) / rows[i]![i]!;
  }
  return x;
}

/** Share of a series that others explain by least squares, less what as many random ones would. */
function explainedBy(series: Float64Array, others: readonly Float64Array[]): number {
  const dot = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const ridge = 1e-6 * series.length;
  const gram = others.map((a, i) => others.map((b, j) => dot(a, b) + (i === j ? ridge : 0)));
  const aimed = others.map((own) => dot(own, series));
  const x = solve(gram, aimed);
  const whole = dot(series, series);
  const share = x.reduce((sum, value, i) => sum + value * aimed[i]!, 0) / whole;
  return share - others.length / series.length;
}

/** Series of one clip: what moves, and what is done, both as changes from frame to frame. */
interface Series {
  readonly moves: readonly Float64Array[];
  readonly actions: readonly Float64Array[];
}

async function seriesOf(
  dataset: Dataset,
  clip: number,
  signal: AbortSignal | undefined,
): Promise<Series | null> {
  const { frameCount } = dataset.report.clips[clip]!;
  const count = Math.min(frameCount, MOST_FRAMES);
  const size = dataset.layout.actions?.length ?? 0;
  if (count < FEWEST_FRAMES || size === 0) return null;
  const bytes = dataset.width * dataset.height * 3;
  const moves = Array.from({ length: MOVES }, () => new Float64Array(count));
  const actions = Array.from({ length: size }, () => new Float64Array(count));
  let before: Float64Array | undefined;
  for (let start = 0; start < count; start += BLOCK_FRAMES) {
    throwIfCancelled(signal, 'the check');
    const length = Math.min(BLOCK_FRAMES, count - start);
    const range = await dataset.readFrames(clip, start, length);
    for (let i = 0; i < length; i += 1) {
      const rgb = range.frames.subarray(i * bytes, (i + 1) * bytes);
      const now = cellsOf(rgb, dataset.width, dataset.height);
      const move = before ? moveBetween(before, now) : [0, 0, 0];
      move.forEach((value, k) => (moves[k]![start + i] = value));
      actions.forEach((own, k) => (own[start + i] = range.actions![i * size + k]!));
      before = now;
    }
  }
  // Of a scene that begins, what changes has nothing to do with what was done.
  for (const cut of dataset.report.clips[clip]!.sceneCuts) {
    for (const own of moves) if (cut < count) own[cut] = own[cut - 1] ?? 0;
  }
  return { moves: moves.map(differences), actions: actions.map(differences) };
}

/** Share of what moves that is explained where the picture comes `offset` frames later. */
function explainedAt({ moves, actions }: Series, offset: number): number {
  const length = moves[0]!.length - 2 * MOST_OFFSET;
  const part = (values: Float64Array, from: number): Float64Array | null =>
    standardized(values.subarray(from, from + length));
  const others = actions.flatMap((own) => part(own, MOST_OFFSET - offset) ?? []);
  if (others.length === 0) return 0;
  const shares = moves.flatMap((own) => {
    const series = part(own, MOST_OFFSET);
    return series ? [explainedBy(series, others)] : [];
  });
  return Math.max(0, ...shares);
}

/**
 * Estimates by how many frames the picture answers what was done: the offset at which changes of the actions explain most
 * of the changes of how the picture moves. A clip whose picture does not answer at once (a lift that starts slowly) has a
 * small one of its own.
 * @returns null where too few frames are there, or actions explain nothing at any offset
 * @throws FrameloomError cancelled; as readFrames
 */
export async function estimateOffset(
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<ActionOffset | null> {
  const all: { readonly series: Series; readonly weight: number }[] = [];
  for (const [clip, { frameCount }] of dataset.report.clips.entries()) {
    const series = await seriesOf(dataset, clip, signal);
    if (series) all.push({ series, weight: Math.min(frameCount, MOST_FRAMES) });
  }
  const whole = all.reduce((sum, { weight }) => sum + weight, 0);
  if (whole === 0) return null;
  const at = (offset: number): number =>
    all.reduce((sum, { series, weight }) => sum + explainedAt(series, offset) * weight, 0) / whole;
  const explainedNow = at(0);
  let [frames, explained] = [0, explainedNow];
  for (let offset = -MOST_OFFSET; offset <= MOST_OFFSET; offset += 1) {
    const own = offset === 0 ? explainedNow : at(offset);
    if (own > explained) [frames, explained] = [offset, own];
  }
  if (explained < LEAST_EXPLAINED) return null;
  if (explained < STANDS_OUT * explainedNow)
    return { frames: 0, explained: explainedNow, explainedNow };
  return { frames, explained, explainedNow };
}
