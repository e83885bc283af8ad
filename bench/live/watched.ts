/** What is seen of a page from inside: `page/watch.ts`, which is `globalThis.watch` there. */
export interface Watch {
  readonly strokes: WatchedStroke[];
  /** Frames that came. */
  frames: number;
  /** From the beginning of the navigation until the first frame is on the screen, ms; null before. */
  firstMs: number | null;
}

/** From a stroke's event until a frame that it is in has been painted, ms. The parts beyond the frame's own making add up. */
export interface WatchedStroke {
  readonly allMs: number;
  /** All but what making that frame took. */
  readonly beyondMs: number;
  /** From the event until what was drawn was sent. */
  readonly sentMs: number;
  /** Until the frame came, without its making: mostly for the one that was being made when the stroke came. */
  readonly waitedMs: number;
  /** From when it came until it was painted: mostly for the screen's next picture. */
  readonly shownMs: number;
}
