/** What the committed clip is. */
export const WIDTH = 96;
export const HEIGHT = 64;
export const FPS = 25;
/** Three minutes. */
export const FRAMES = 4500;
export const SEED = 2;
