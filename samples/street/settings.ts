/** What the committed clips are. */
export const WIDTH = 256;
export const HEIGHT = 144;
export const FPS = 25;
export const FRAMES = 500;
export const SEED = 16;
