import { join } from 'node:path';
import type { Hono } from 'hono';
import { packageVersion } from '../../base/own-package.js';
import { rationalToNumber, type Rational } from '../../base/rational.js';
import { actionRules } from '../../clips/actions.js';
import type { Logger } from '../../base/log.js';
import type { Size } from '../../play/live/services.js';
import { API, RECORDER_PAGE, type RecorderAbout } from '../page-api.js';
import { PAGE_FOLDER } from '../page-folder.js';
import { assertFrameBytes, recordFrames } from '../recording-socket.js';
import { startServer, type RunningServer } from '../server.js';
import { assertSize } from '../size.js';
import { serveGame } from './game.js';
import type { TakePipeline } from './take-pipeline.js';
import type { TakenFrame } from './take.js';
import { Takes } from './takes.js';

export interface RecordOptions {
  /** A folder for numbered takes, or the file of one take. */
  readonly output: string;
  /** Whose columns are recorded, and which trains on the takes. */
  readonly pipeline: TakePipeline;
  readonly fps: Rational;
  /** Of the frames, pixels; as the picture is, as far as it is not too large, unless given. */
  readonly size?: Size | undefined;
  /** A game to put into the page: its folder, its HTML file, or the address that it is served at. */
  readonly game?: string | undefined;
  readonly port?: number | undefined;
  readonly overwrite?: boolean | undefined;
  readonly pageFolder?: string | undefined;
  readonly log: Logger;
}

export interface RunningRecord extends Pick<RunningServer, 'port' | 'token' | 'url'> {
  /** Where takes lie. */
  readonly folder: string;
  /** The pipeline beside them, once there is a take. */
  readonly pipeline: string;
  /** Takes that are being recorded. */
  recording(): number;
  /** Ends what is recorded, which is kept, then the servers. */
  close(): Promise<void>;
}

/**
 * Serves the page that records a game: its picture, and what is held on keyboard and gamepads at each frame.
 * @throws FrameloomError of the place of the takes, the game, the size and the address
 */
export async function startRecord(options: RecordOptions): Promise<RunningRecord> {
  const { output, pipeline, fps, port, overwrite = false, log } = options;
  const { pageFolder = PAGE_FOLDER } = options;
  const size = options.size ? assertSize(options.size) : null;
  const takes = await Takes.open({ output, fps, pipeline, overwrite, log });
  const { columns } = actionRules(pipeline.actions)!;
  const place = { home: '' };
  const game =
    options.game === undefined
      ? null
      : await serveGame({ game: options.game, home: () => place.home, log });
  /** Recordings whose page has gone, until they are in their place. */
  const open = new Set<Promise<unknown>>();
  const about: RecorderAbout = {
    version: packageVersion(),
    ...{ folder: takes.folder, pipeline: takes.pipeline },
    ...{ columns, size, fps: rationalToNumber(fps) },
    game: game && { url: game.url, kind: game.kind },
  };
  try {
    const server = await startServer({
      ...{ port, pageFolder, log, index: RECORDER_PAGE },
      frames: game ? [new URL(game.url).origin] : [],
      command: 'frameloom record',
      sockets: new Map([
        [
          API.record,
          (socket) =>
            recordFrames<TakenFrame>(socket, {
              begin: (start) => takes.begin(start),
              read: (bytes, frame) => takenFrame(bytes, frame, columns.length),
              placeOf: ({ folder, files }) => join(folder, files.video),
              hold(work) {
                open.add(work);
                void work.finally(() => open.delete(work));
              },
              log,
            }),
        ],
      ]),
      routes(api: Hono) {
        api.get('/recorder', (answer) => answer.json(about));
      },
    });
    place.home = new URL(server.url).origin;
    return {
      ...{ port: server.port, token: server.token, url: server.url },
      ...{ folder: takes.folder, pipeline: join(takes.folder, takes.pipeline) },
      recording: () => open.size,
      async close() {
        await server.close();
        // What was recorded is kept, though its page has gone.
        await Promise.allSettled([...open]);
        await game?.close();
      },
    };
  } catch (error) {
    await game?.close();
    throw error;
  }
}

/** A picture with what was held in it, or what was held alone: then the picture before is shown once more. */
function takenFrame(
  bytes: Uint8Array<ArrayBuffer>,
  { width, height }: Size,
  columns: number,
): TakenFrame {
  const held = 4 * columns;
  if (bytes.length === held) return { rgb: null, actions: new Float32Array(bytes.buffer) };
  const end = 3 * width * height;
  assertFrameBytes(bytes, end + held);
  return { rgb: bytes.subarray(0, end), actions: new Float32Array(bytes.slice(end).buffer) };
}
