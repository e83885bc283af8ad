import type { OutputTimesState } from './output-times.js';

/** A finished piece of a film, in a file of its own. */
export interface FilmSegment {
  /** In the folder of segments. */
  readonly name: string;
  readonly bytes: number;
  readonly frames: number;
  /** When its first frame is shown in the film. */
  readonly firstTick: number;
}

/** How far a film in segments has come. */
export interface FilmProgress {
  readonly segments: readonly FilmSegment[];
  /** In all of them. */
  readonly frames: number;
  readonly times: OutputTimesState;
  /** There are no more frames: what is left is to join them. */
  readonly isComplete: boolean;
}

/** Where the segments of one film lie, and who takes note of them. */
export interface SegmentFolder {
  readonly folder: string;
  readonly segmentFrames: number;
  /** What is there of the film already; its frames are not taken again. */
  readonly progress: FilmProgress | null;
  /** A segment more is written out to the disk and in its place, or there will be no more. */
  keep(progress: FilmProgress): Promise<void>;
}
