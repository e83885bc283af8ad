/** Frames `start` up to, not including, `end`. */
export interface FrameSpan {
  readonly start: number;
  readonly end: number;
}

export const spanLength = (span: FrameSpan): number => Math.max(0, span.end - span.start);

/**
 * Splits a clip by time. The held-out part is its last `fraction`; the gap is taken from the end
 * of the training part, so its size does not move what is held out.
 */
export function splitClip(
  frameCount: number,
  options: { fraction: number; gapFrames: number },
): { train: FrameSpan; heldOut: FrameSpan } {
  if (options.fraction === 0) {
    return {
      train: { start: 0, end: frameCount },
      heldOut: { start: frameCount, end: frameCount },
    };
  }
  // The tiny addend keeps 0.8 × 280 from becoming 223.
  const border = Math.floor(frameCount * (1 - options.fraction) + 1e-9);
  return {
    train: { start: 0, end: Math.max(0, border - options.gapFrames) },
    heldOut: { start: border, end: frameCount },
  };
}

/** The parts of `span` between scene cuts; a cut is the number of a scene's first frame. */
export function shotsWithin(span: FrameSpan, cuts: readonly number[]): FrameSpan[] {
  const inside = cuts.filter((cut) => cut > span.start && cut < span.end).sort((a, b) => a - b);
  const borders = [span.start, ...inside, span.end];
  return borders
    .slice(1)
    .map((end, i) => ({ start: borders[i] ?? end, end }))
    .filter((shot) => shot.end > shot.start);
}

/** Frames that a window of `frames` frames spans at a temporal stride. */
export const windowSpanFrames = (frames: number, strideFrames: number): number =>
  (frames - 1) * strideFrames + 1;
