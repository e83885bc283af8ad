import type { Interval } from './bootstrap.js';

/** What networks from elsewhere say of generated frames beside the real ones: of each network that was named, its part. */
export interface NetworkMeasures {
  /** Distance of generated and real frames, mean over frames. */
  readonly lpips?: number;
  /** A hundred times the mean |LPIPS(gₜ, gₜ₋₁) − LPIPS(xₜ, xₜ₋₁)|; null of one frame. */
  readonly tLP?: number | null;
  /** Of features of frames: squared maximum mean discrepancy, without bias; null of one frame. */
  readonly kid?: number | null;
  /** Standard error of it; null under eight frames. */
  readonly kidError?: number | null;
  /** Of the same features, the Fréchet distance: too large of few frames. */
  readonly fid?: number | null;
  /** Of features of windows, as `kid`; null of one window. */
  readonly kvd?: number | null;
  readonly kvdError?: number | null;
  /** As `fid`. */
  readonly fvd?: number | null;
  /** The classes that a segmenter sees in generated frames, held against those that it sees in the real ones. */
  readonly seen?: {
    /** That were looked at: of many some, evenly spread. */
    readonly frames: number;
    /** Intersection over union, mean over the classes that there are. */
    readonly meanIou: number | null;
    /** Share of pixels of the same class. */
    readonly accuracy: number | null;
  };
}

/** 95 % intervals; null where the measure is, and of few frames. */
export interface NetworkIntervals {
  readonly lpips?: Interval | null;
  readonly tLP?: Interval | null;
  readonly kid?: Interval | null;
  readonly kvd?: Interval | null;
}
