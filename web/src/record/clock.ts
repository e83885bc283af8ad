/** How much earlier than its moment a frame may be taken, as a share of a frame: screens do not tick evenly. */
const EARLY = 0.25;

/** Which frame of a constant rate a moment belongs to. @param ms since its first frame */
export const frameAt = (ms: number, fps: number): number => Math.floor((ms / 1000) * fps + EARLY);

/** When a frame of a constant rate is shown, milliseconds after its first. */
export const momentOf = (frame: number, fps: number): number => (frame / fps) * 1000;
