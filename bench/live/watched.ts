/** What is seen of a page from inside: `page/watch.ts`, which is `globalThis.watch` there. */
export interface Watch {
  /** From each stroke's event until a frame that it is in is on the screen: all of it, and without the frame's own making; ms. */
  readonly strokes: { readonly allMs: number; readonly beyondMs: number }[];
  /** Frames that came. */
  frames: number;
  /** From the beginning of the navigation until the first frame is on the screen, ms; null before. */
  firstMs: number | null;
}
