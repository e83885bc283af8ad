/**
 * What the page may ask of the server beside the live session, whose messages are in `src/play/live/protocol.ts`.
 * Nothing of Node is imported: the page takes paths and shapes from here.
 *
 * The token stands in the fragment of the address that is opened, `http://127.0.0.1:7860/#token=…`, which no browser
 * sends to any server or says to another site. The page keeps it in its sessionStorage, which belongs to this scheme, host
 * and port alone, and takes it out of the address. A cookie would not do: browsers send cookies to every port of a
 * host, so that each other program on this machine's loopback would be told it, and send them along with what other
 * pages ask. So nothing is asked with the user's rights unless the page says so itself: by `Authorization: Bearer TOKEN`,
 * and where a page can say no header, of a WebSocket, by a subprotocol.
 */

import type { ActionColumn } from '../clips/types.js';

/** In the fragment of the address: `#token=…`. */
export const TOKEN_KEY = 'token';

/** The subprotocol that the server speaks; the token goes beside it and is never answered. */
export const LIVE_SUBPROTOCOL = 'frameloom-live';

/** What is asked for by `new WebSocket(url, subprotocols(token))`. */
export const subprotocols = (token: string): string[] => [LIVE_SUBPROTOCOL, `token.${token}`];

/** Paths on the server. Those of WebSockets are marked; of all others GET unless another is named. */
export const API = {
  /** `LiveAbout` */
  about: '/api/about',
  /** The exported generator, for an engine in the page: what `openModel` of `frameloom/play` takes. */
  model: '/api/model.onnx',
  /** WebSocket: one live session, which begins with the connection and ends with it. */
  session: '/api/session',
  /**
   * WebSocket: pictures of the page through the pipeline's own filter. Both ways binary messages as a session's: a
   * picture to be filtered in, a condition with the same sequence number out. The newest picture wins.
   */
  filter: '/api/filter',
  /** WebSocket: frames that the page's own engine made, to be recorded; `RecordingStart` first, see `RecordMessage`. */
  record: '/api/record',
  /** `ClipMaps` */
  maps: '/api/maps',
  /** `LiveFiles`; `PUT /api/drawings/NAME.png` saves a PNG (`?overwrite=1` over another), GET gives it, DELETE removes it. */
  drawings: '/api/drawings',
  /** `LiveFiles`; GET `/api/recordings/NAME/FILE` gives a file of one. */
  recordings: '/api/recordings',
  /** WebSocket: `TrainingMessage`s of a training that is under way. */
  training: '/api/training',
  /** GET `/api/training/samples/NAME.png` */
  samples: '/api/training/samples',
  /** Of `frameloom record`: `RecorderAbout`. */
  recorder: '/api/recorder',
} as const;

/** What `frameloom record` serves in the place of the live page. */
export const RECORDER_PAGE = 'record.html';
/** The script that a game loads to be recorded: it hands keys, gamepads and its canvas to the page that frames it. */
export const TAP_FILE = 'tap.js';

/**
 * Condition frames of a clip that the run was trained on, one after the other, `width × height × bytesPerPixel` each:
 * fewer than `count` where the clip ends, none behind it.
 */
export const mapsPath = (clip: number, startFrame: number, count: number): string =>
  `${API.maps}/${clip}/${startFrame}/${count}`;

/** The clip's own frames in the same way, rgb24: what a session may begin from. */
export const picturesPath = (clip: number, startFrame: number, count: number): string =>
  `/api/pictures/${clip}/${startFrame}/${count}`;

/** What is the body of every answer that is no success. */
export interface ApiError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string | undefined;
  };
}

/** What the server serves. */
export interface LiveAbout {
  readonly version: string;
  /** The run's folder or the file, as it was named. */
  readonly place: string;
  /** `run` where there is a run's folder. */
  readonly kind: 'run' | 'file';
  /** Pixels of a frame unless a session asks for another size. */
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** Steps that the weights were trained; null while a training has no snapshot yet. */
  readonly step: number | null;
  /** Frames a second that sessions begin with. */
  readonly fps: number;
  /** Pictures (webcam, screen, files) can become conditions here: why not, in words, or null where they can. */
  readonly filterUnavailable: string | null;
  /** A training of this run is under way: `API.training` tells of it. */
  readonly training: boolean;
  /** Where drawings and recordings lie, for people. */
  readonly folder: string;
  readonly limits: LiveLimits;
}

/** What a client may ask of the server; more ends its connection, with words. */
export interface LiveLimits {
  /** Bytes of one message of a WebSocket. */
  readonly messageBytes: number;
  /** Messages a second, in the mean of a few seconds. */
  readonly messagesPerSecond: number;
  /** Live sessions at once. */
  readonly sessions: number;
  /** Bytes of a drawing. */
  readonly drawingBytes: number;
  /** Condition frames that are given at once. */
  readonly mapFrames: number;
}

/** The playing maps that a run was trained on. */
export interface ClipMaps {
  /** Why there are none, in words, such as that the clip has gone since; null where there are. */
  readonly unavailable: string | null;
  readonly clips: readonly {
    readonly name: string;
    readonly frames: number;
    readonly fps: number;
  }[];
}

/** Drawings or recordings, the newest first. */
export interface LiveFiles {
  readonly files: readonly {
    readonly name: string;
    readonly bytes: number;
    /** Milliseconds since 1970. */
    readonly modified: number;
    /** Of a recording. */
    readonly recording?: RecordingFiles | undefined;
  }[];
}

/** What lies in the folder of a recording; null of what it has not. */
export interface RecordingFiles {
  readonly frames: number;
  readonly fps: number;
  /** The frames: `frames.mp4`. */
  readonly video: string;
  /** The conditions, frame for frame and without loss: `condition.mkv`. */
  readonly condition: string | null;
  /** One row a frame: `actions.csv`. */
  readonly actions: string | null;
  /** A pipeline that trains on it: `pipeline.yaml`. */
  readonly pipeline: string;
}

/** The first message on `API.record`, JSON. */
export interface RecordingStart {
  readonly type: 'start';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/**
 * After `RecordingStart`: binary, one a frame and in order, the frame as rgb24, then its condition in the model's pixel
 * format, then its actions as float32 (little-endian), each where the model has it; and at the end `stop`, which
 * `recorded` or `error` answers. A connection that ends without it ends the recording with what came. The
 * server acknowledges frames (`taken`): a page that is more than a second of frames ahead waits with the next.
 * For `frameloom record` a message may be actions alone: the frame before, shown once more.
 */
export type RecordMessage =
  /** `lost`: frames that the page could not take in time, of those that it sent the frame before once more for */
  | { readonly type: 'stop'; readonly lost?: number }
  | { readonly type: 'taken'; readonly frames: number }
  | {
      readonly type: 'recorded';
      readonly name: string;
      readonly folder: string;
      readonly files: RecordingFiles;
    }
  | {
      readonly type: 'error';
      readonly code: string;
      readonly message: string;
      readonly hint?: string | undefined;
    };

/** What `frameloom record` records. */
export interface RecorderAbout {
  readonly version: string;
  /** Where takes lie, for people. */
  readonly folder: string;
  /** The pipeline beside them. */
  readonly pipeline: string;
  /** Numbers of a frame, in this order: keys 0 or 1, axes −1 to 1. */
  readonly columns: readonly ActionColumn[];
  /** Of a take. */
  readonly fps: number;
  /** Of a take's frames; null where the page chooses by what it records. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** A game to put into the page; null where one captures a screen, a window or a tab. */
  readonly game: { readonly url: string; readonly kind: 'folder' | 'page' } | null;
}
