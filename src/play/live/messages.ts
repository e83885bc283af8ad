/**
 * What a page and a live session tell each other. Text messages are JSON objects with a `type`; pictures are binary
 * (`packets.ts`). The same session runs behind a WebSocket and in a worker of the page.
 */
import type { ErrorCode } from '../../base/error.js';
import type { ConditionLayout } from '../../clips/types.js';
import type { ClipStyle } from '../../networks/clip-styles.js';

/** Of these messages; a page and a session of different numbers do not understand each other. */
export const PROTOCOL = 1;

/** What a page asks of a session. */
export type ClientMessage =
  /** The first; answered by `model` and `state`. */
  | { readonly type: 'hello'; readonly protocol: number }
  | { readonly type: 'play' }
  | { readonly type: 'pause' }
  /** Makes so many frames, 1 unless given, and pauses. */
  | { readonly type: 'step'; readonly frames?: number }
  /** Forgets all history. @param seed another one; the present one unless given */
  | { readonly type: 'reset'; readonly seed?: number }
  /** Other noise from here on; the history stays. */
  | { readonly type: 'seed'; readonly seed: number }
  /** Frames a second that are asked for. */
  | { readonly type: 'fps'; readonly fps: number }
  /** How fast the world goes, 1 being the clip's own time: frames a second times this. */
  | { readonly type: 'speed'; readonly speed: number }
  /** Another size, in pixels, multiples of 4; the history is forgotten. */
  | { readonly type: 'size'; readonly width: number; readonly height: number }
  /** The look: a clip's name or numbers in [−1, 1]; null for the mean of all. */
  | { readonly type: 'style'; readonly style: string | readonly number[] | null }
  /** What is pressed now, by the columns' names; those that are not named have their default. */
  | { readonly type: 'actions'; readonly values: Readonly<Record<string, number>> }
  /** Begins from real frames of a clip: those up to `frame`, which are the first of its history. */
  | { readonly type: 'start'; readonly clip: number; readonly frame: number }
  /** Conditions of a clip, answered by as many `clip` packets, fewer where it ends before. */
  | {
      readonly type: 'clip';
      readonly clip: number;
      readonly first: number;
      readonly count: number;
    }
  /**
   * Plays a clip's own conditions beneath what the page draws, one a frame, again and again, from `frame` on; what the page
   * draws over them comes as `overlay` packets. Null plays none. With `show` each frame is preceded by a `composed` packet.
   */
  | {
      readonly type: 'base';
      readonly clip: number | null;
      /** 0 unless given. */
      readonly frame?: number;
      /** Off unless given. */
      readonly show?: boolean;
    }
  /** Begins or ends a recording; the end is answered by `recorded`. */
  | { readonly type: 'record'; readonly on: boolean }
  /** The page has taken this frame and those before it: it may be sent newer ones. */
  | { readonly type: 'shown'; readonly frame: number };

/** A clip whose conditions and frames may be asked for. */
export interface LiveClip {
  readonly name: string;
  readonly frames: number;
  readonly fps: number;
}

/** What runs the generator. */
export interface EngineFacts {
  /** `onnxruntime-node`, `onnxruntime-web` or `tensorflow`. */
  readonly name: string;
  /** `cpu`, `cuda`, `webgpu`, `wasm` …: where it really runs. */
  readonly device: string;
  /** Threads of the processor; null where that is not known. */
  readonly threads: number | null;
}

/** What is played, and what may be asked of it. Sent after `hello`, and whenever it is another. */
export interface ModelMessage {
  readonly type: 'model';
  readonly protocol: number;
  /** The pipeline's. */
  readonly name: string;
  /** Steps the weights were trained. */
  readonly step: number;
  readonly width: number;
  readonly height: number;
  /** Whether it takes this one size only. */
  readonly fixed: boolean;
  /** What the bytes of a condition are, its classes by name and colour, and what actions the generator is told. */
  readonly layout: ConditionLayout;
  /** What a condition is made of and how it is sized, in words; null where the file does not say. */
  readonly input: string | null;
  /** Whether a seed changes anything. */
  readonly noise: boolean;
  readonly styles: readonly ClipStyle[];
  readonly engine: EngineFacts;
  readonly clips: readonly LiveClip[];
  /** What this session can do beyond playing. */
  readonly can: {
    readonly record: boolean;
    /** Makes conditions of pictures. */
    readonly filter: boolean;
  };
}

/** How things stand: sent after `hello` and after every change. */
export interface StateMessage {
  readonly type: 'state';
  readonly playing: boolean;
  readonly fps: number;
  readonly speed: number;
  readonly seed: number;
  /** Numbers of the look; null of a generator that is told none. */
  readonly style: readonly number[] | null;
  /** What plays beneath, and its next frame; null where nothing does. */
  readonly base: { readonly clip: number; readonly frame: number; readonly show: boolean } | null;
  readonly recording: boolean;
}

/** How it goes; twice a second while frames are made. */
export interface FiguresMessage {
  readonly type: 'figures';
  /** Frames a second that were really made lately; null before the second one. */
  readonly fps: number | null;
  /** Frames made since the beginning. */
  readonly frames: number;
  /** Frames that were due and not made, since the one before took too long. */
  readonly dropped: number;
  /** Frames that were made and not sent, since the page had not taken those before. */
  readonly unsent: number;
  /** Milliseconds that a frame takes to make; null before the first. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** Milliseconds from a condition's arrival to the first frame made of it; null before the first. */
  readonly conditionP50Ms: number | null;
  readonly conditionP95Ms: number | null;
}

/** A file that a recording was written to. */
export interface RecordedFile {
  /** Of what it holds. */
  readonly holds: 'video' | 'condition' | 'actions' | 'pipeline';
  readonly name: string;
  readonly bytes: number;
  /** Where it can be fetched from, relative to the page; null where it cannot. */
  readonly url: string | null;
}

/** What a session tells a page. */
export type ServerMessage =
  | ModelMessage
  | StateMessage
  | FiguresMessage
  | {
      readonly type: 'recorded';
      /** The folder they lie in, as the session's machine calls it; null where there is none. */
      readonly folder: string | null;
      readonly frames: number;
      readonly files: readonly RecordedFile[];
    }
  /** Something went wrong; the session goes on, unless it is `fatal`. */
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | null;
      readonly fatal: boolean;
    }
  /** Something is not as it was asked for. */
  | { readonly type: 'warning'; readonly message: string };
