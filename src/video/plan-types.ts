import type { Rational } from '../base/rational.js';
import type { PixelFormat } from './pixel-format.js';

/** What the frames are that are to be encoded. */
export interface EncodeSource {
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: PixelFormat;
}

/** ffmpeg's arguments for one kind of output. */
export interface OutputPlan {
  readonly filter: string;
  readonly options: readonly string[];
  /** Pixels as written. */
  readonly width: number;
  readonly height: number;
}

export interface TargetShape {
  /** Cannot be written twice in the same place. */
  readonly toPipe: boolean;
  /** Numbered pictures, one file each. */
  readonly numbered: boolean;
  /** The nominal rate. */
  readonly fps: Rational;
  /** ffmpeg is older than 5.1. */
  readonly oldEncoder: boolean;
  /** Of the clock that the film is written by. */
  readonly ticksPerSecond: number;
  /** Frames are to be coded in the order in which they are shown. */
  readonly inOrder: boolean;
  /** How long the last picture is shown. */
  readonly finalSeconds: number;
  /** ffmpeg's encoder of another codec than the format's usual one. */
  readonly encoder?: string | undefined;
}
