import type { ConditionLayout } from '../../clips/types.js';
import type { ExportedInfo } from '../../export/metadata.js';
import type { GivenActions } from '../../synthesis/engines/told-actions.js';
import type { PlayableModel } from '../playable.js';
import type { EngineFacts, LiveClip, RecordedFile } from './messages.js';

/** A generator that a session plays. */
export interface LiveModel extends PlayableModel {
  readonly info: Pick<
    ExportedInfo,
    'pipeline' | 'step' | 'fixed' | 'input' | 'generator' | 'styles'
  >;
  readonly engine: EngineFacts;
  /** The look that frames are made in unless another is asked for; left out of a generator that is told none. */
  readonly style?: Float32Array | undefined;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Real frames in a row, and what they are the conditions of. */
export interface ClipFrames {
  /** rgb24, oldest first. */
  readonly frames: readonly Uint8Array[];
  /** As the layout says; null of a generator without condition. */
  readonly conditions: readonly Uint8Array[] | null;
  /** What was done in each; not known unless given. */
  readonly actions?: readonly GivenActions[] | null | undefined;
}

/** Clips whose conditions can be played and drawn upon. What is asked for lies inside them. */
export interface LiveClips {
  readonly list: readonly LiveClip[];
  /** `count` conditions from `first` on, at this size. */
  conditions(
    clip: number,
    first: number,
    count: number,
    size: Size,
  ): Promise<readonly Uint8Array[]>;
  /** The same of frames, with their conditions. */
  frames(clip: number, first: number, count: number, size: Size): Promise<ClipFrames>;
}

/** What a frame of a recording is. The bytes are not to be written into. */
export interface LiveFrame {
  /** rgb24. */
  readonly rgb: Uint8Array;
  readonly condition: Uint8Array | null;
  /** As many numbers as the layout has columns; left out where nothing is told, or it was not known. */
  readonly actions?: Float32Array | undefined;
}

export interface Recorded {
  readonly folder: string | null;
  readonly frames: number;
  readonly files: readonly RecordedFile[];
}

/** A recording that is under way. */
export interface LiveRecorder {
  /**
   * Takes every frame, in order.
   * @returns once there is room for another: no more than a few are made meanwhile. Rejects where it cannot go on;
   *   the recording is then ended.
   */
  add(frame: LiveFrame): Promise<void>;
  /** Ends it, with what came. */
  end(): Promise<Recorded>;
}

/** What a session is given beside its model. What is not there is not offered to the page. */
export interface LiveServices {
  /** The model at another size; it is the session's, which releases it. */
  readonly open?: (size: Size) => Promise<LiveModel & { release(): Promise<void> }>;
  readonly clips?: LiveClips | undefined;
  /**
   * Makes a condition of a picture, as the pipeline does.
   * @param picture rgb24
   * @param size of the condition
   */
  readonly filter?: (
    picture: Size & { readonly rgb: Uint8Array },
    size: Size,
  ) => Promise<Uint8Array>;
  readonly record?: (
    world: Size & { readonly fps: number; readonly layout: ConditionLayout },
  ) => Promise<LiveRecorder>;
}
