import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import type { GeneratorFile } from '../pipeline/generator-file.js';
import type { LiveRecorder, LiveServices } from '../play/live/services.js';
import { createSession, type LiveSession } from '../play/live/session.js';
import { LIMITS } from './limits.js';
import { recordingsOf, type LiveContext, type LivePlace } from './live-context.js';
import type { TakenModel } from './model-shelf.js';
import { API } from './page-api.js';
import { PictureFilter } from './picture-filter.js';
import type { FinishedRecording } from './recording.js';
import type { LiveSocket, SocketEars } from './sockets.js';

/** Where the files of a recording are fetched from. */
export const recordedFiles = ({ name, files, bytes }: FinishedRecording) =>
  (['video', 'condition', 'actions', 'pipeline'] as const).flatMap((holds) => {
    const file = files[holds];
    if (file === null) return [];
    const url = `${API.recordings}/${name}/${file}`;
    return [{ holds, name: file, bytes: bytes[file] ?? 0, url }];
  });

/** Sessions of pages, one for each connection: one world each, of a model that they share. */
export class LiveSessions {
  readonly #place: LivePlace;
  readonly #context: Promise<LiveContext>;
  readonly #open = new Map<LiveSession, { model: TakenModel }>();
  readonly #log: Logger;
  #begun = 0;

  readonly #before: (socket: LiveSocket) => Promise<void>;

  /** @param before done before a session begins; what it throws is told to the page, which has none then */
  constructor(
    place: LivePlace,
    context: Promise<LiveContext>,
    before: (socket: LiveSocket) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#place = place;
    this.#context = context;
    this.#log = place.log;
    this.#before = before;
  }

  get count(): number {
    return this.#open.size;
  }

  /** A session for a client, which ends with its connection. */
  readonly attend = async (socket: LiveSocket): Promise<SocketEars> => {
    if (this.#begun >= LIMITS.sessions) {
      throw new FrameloomError(
        'bad-call',
        `${LIMITS.sessions} pages play already, which is the most`,
        {
          hint: 'close one of them',
        },
      );
    }
    this.#begun += 1;
    try {
      return await this.#begin(socket);
    } catch (error) {
      this.#begun -= 1;
      throw error;
    }
  };

  async #begin(socket: LiveSocket): Promise<SocketEars> {
    await this.#before(socket);
    const context = await this.#context;
    const { shelf, fps } = context;
    const model = await shelf.take();
    const filter = new PictureFilter(context.filter);
    const session = createSession({
      ...{ model, fps, send: (message) => socket.send(message) },
      services: this.#services(context, filter),
      drained: () => socket.drained(),
    });
    const held = { model };
    this.#open.set(session, held);
    const over = async (): Promise<void> => {
      this.#open.delete(session);
      this.#begun -= 1;
      await filter.close();
      await held.model.release();
      socket.close();
    };
    session.ended
      .catch((error: unknown) => socket.tellError(error))
      .then(over)
      .catch((error: unknown) => this.#log.error(String(error)));
    return {
      onText: (text) => session.receive(text),
      onBytes: (bytes) => session.receive(bytes),
      onClose: () => void session.close().catch(() => undefined),
    };
  }

  #services(context: LiveContext, filter: PictureFilter): LiveServices {
    const { shelf, clips, recorded, filterUnavailable } = context;
    const { log } = this.#place;
    return {
      open: (size) => shelf.take(size),
      ...(clips.list.length > 0 && { clips }),
      ...(filterUnavailable === null && {
        filter: (picture, size) => filter.filter(picture, size),
      }),
      record: async ({ width, height, fps }): Promise<LiveRecorder> => {
        const folder = recordingsOf(this.#place);
        // With what talks to ffmpeg: a world that is only played needs none of it.
        const { startRecording } = await import('./recording.js');
        const options = { folder, width, height, fps, model: recorded, log };
        const recording = await startRecording(options);
        return {
          add: (frame) => recording.add(frame),
          end: async () => {
            const finished = await recording.finish();
            if (!finished) return { folder: null, frames: 0, files: [] };
            log.info(`recorded ${finished.files.frames} frames: ${finished.folder}`);
            const { folder: place, files } = finished;
            return { folder: place, frames: files.frames, files: recordedFiles(finished) };
          },
        };
      },
    };
  }

  /** All sessions go on with other weights, and new ones begin with them. */
  async use(file: GeneratorFile): Promise<void> {
    const { shelf } = await this.#context;
    await shelf.replace(file);
    for (const [session, held] of [...this.#open]) {
      const before = held.model;
      const model = await shelf.take();
      if (!this.#open.has(session)) {
        await model.release();
        continue;
      }
      held.model = model;
      await session.use(model);
      await before.release();
    }
  }

  /** Ends all of them, their recordings too. */
  async close(): Promise<void> {
    const sessions = [...this.#open.keys()];
    await Promise.allSettled(sessions.map((session) => session.close()));
    await Promise.allSettled(sessions.map((session) => session.ended));
  }
}
