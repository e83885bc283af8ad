/** Numbers that help texts name and commands go by. */

/** Frames of a sample unless asked for otherwise. */
export const USUAL_FRAMES = 120;

/** Minutes of training that show a street on two cores and leave time for the rest within five. */
export const TRAIN_MINUTES = 3;

/** Minutes of training after which a game does what it is told. */
export const PLAY_MINUTES = 5;
