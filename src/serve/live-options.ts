import type { Logger } from '../base/log.js';
import type { Device } from '../export/runtime.js';
import type { Size } from '../play/live/services.js';
import type { OnnxThread } from '../synthesis/engines/thread/host.js';
import type { SnapshotChoice } from '../training/run/snapshot-store.js';
import type { WatchOptions } from './training-watch.js';

/** What is served to be played with, and how. */
export interface LiveOptions {
  /** A run's folder, or an exported `.onnx` file. */
  readonly place: string;
  /** Which of a run's weights: `latest` unless given. */
  readonly snapshot?: SnapshotChoice | undefined;
  /** The address to listen at; `127.0.0.1` unless given. */
  readonly host?: string | undefined;
  /** A free one unless given. */
  readonly port?: number | undefined;
  /** Frames a second that sessions begin with; the clips' unless given. */
  readonly fps?: number | undefined;
  /** Of the frames, in pixels; the training's unless given. */
  readonly size?: Size | undefined;
  readonly seed?: number | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  /** Run any filtergraph of the pipeline, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
  /** Where drawings and recordings lie; `live` in the run's folder, or beside the file, unless given. */
  readonly folder?: string | undefined;
  readonly cacheFolder?: string | undefined;
  /** Of the built page; the package's own unless given. */
  readonly pageFolder?: string | undefined;
  /**
   * What lines of a training's log say of every number that they have: by it a run is shown while it is trained, by whomever.
   */
  readonly curvesOf?: WatchOptions['curvesOf'] | undefined;
  /** Started early, for ONNX Runtime. */
  readonly thread?: OnnxThread | undefined;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}
