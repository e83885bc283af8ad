import { z } from 'zod';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { Latest } from '../play/live/latest.js';
import { decodeFromPage, encodePacket, type Packet, type PageKind } from '../play/live/packets.js';
import type { Size } from '../play/live/services.js';
import { recordingsOf, type LiveContext, type LivePlace } from './live-context.js';
import type { RecordMessage } from './page-api.js';
import { PictureFilter } from './picture-filter.js';
import { startRecording, type Recording } from './recording.js';
import { assertSize } from './size.js';
import type { LiveSocket, SocketEars } from './sockets.js';

/** A size in a query; the other one unless it is there. @throws FrameloomError bad-option */
export function sizeIn(query: URLSearchParams, usual: Size): Size {
  const [width, height] = [query.get('width'), query.get('height')];
  if (width === null && height === null) return usual;
  return assertSize({ width: Number(width), height: Number(height) });
}

/** Pictures of a page that makes its frames itself, through the pipeline's own filter. The newest wins. */
export const filterPictures =
  (context: Promise<LiveContext>) =>
  async (socket: LiveSocket): Promise<SocketEars> => {
    const { filter: options, filterUnavailable, shelf } = await context;
    if (filterUnavailable !== null) throw new FrameloomError('bad-call', filterUnavailable);
    const { width, height, layout } = await shelf.usual;
    const size = sizeIn(socket.query, { width, height });
    const filter = new PictureFilter(options);
    const pictures = new Latest<Packet<PageKind>>(
      async ({ width: across, height: down, pixels, number }) => {
        const made = await filter.filter({ width: across, height: down, rgb: pixels }, size);
        socket.offer(encodePacket({ kind: 'filtered', ...size, number, pixels: made }));
      },
      (error) => {
        if (!isFrameloomError(error, 'cancelled')) socket.tellError(error);
      },
    );
    return {
      onText: () => refuseText(),
      onBytes(bytes) {
        const packet = decodeFromPage(bytes, layout.bytesPerPixel);
        if (packet.kind !== 'picture') {
          throw new FrameloomError('bad-input', `a ${packet.kind} is nothing to filter`);
        }
        pictures.put({ ...packet, pixels: packet.pixels.slice() });
      },
      onClose: () => void filter.close(),
    };
  };

function refuseText(): never {
  throw new FrameloomError('bad-input', 'pictures are sent as binary messages');
}

const fromPage = z.union([
  z.strictObject({
    type: z.literal('start'),
    width: z.int(),
    height: z.int(),
    fps: z.number().min(0.1).max(1000),
  }),
  z.strictObject({ type: z.literal('stop') }),
]);

/** Frames that a page made itself, to be recorded. One recording for each connection. */
export const recordPage =
  (place: LivePlace, context: Promise<LiveContext>) =>
  async (socket: LiveSocket): Promise<SocketEars> => {
    const { recorded: model } = await context;
    const { layout } = model;
    const columns = layout.actions?.length ?? 0;
    let recording: Promise<Recording> | undefined;
    let pixels = 0;
    let taken = 0;
    let failed = false;
    const say = (message: RecordMessage): void => socket.send(JSON.stringify(message));
    const fail = (error: unknown): void => {
      if (failed) return;
      failed = true;
      void recording?.then((one) => one.finish()).catch(() => undefined);
      socket.fail(error);
    };

    async function begin(start: Size & { readonly fps: number }): Promise<Recording> {
      const { width, height } = assertSize(start);
      pixels = width * height;
      const folder = recordingsOf(place);
      return startRecording({ folder, width, height, fps: start.fps, model, log: place.log });
    }

    async function end(running: Promise<Recording>, told: boolean): Promise<void> {
      const finished = await (await running).finish();
      if (!finished) {
        throw new FrameloomError('bad-call', 'nothing was recorded: no frame came');
      }
      const { name, folder, files } = finished;
      place.log.info(`recorded ${files.frames} frames: ${folder}`);
      if (told) say({ type: 'recorded', name, folder, files });
      socket.close();
    }

    function add(bytes: Uint8Array, running: Promise<Recording>): void {
      const [rgbEnd, conditionEnd] = [3 * pixels, (3 + layout.bytesPerPixel) * pixels];
      const length = conditionEnd + 4 * columns;
      if (bytes.length !== length) {
        throw new FrameloomError(
          'bad-input',
          `a frame has ${bytes.length} bytes, expected ${length}`,
        );
      }
      // A message is the transport's.
      const own = bytes.slice();
      const frame = {
        rgb: own.subarray(0, rgbEnd),
        condition: layout.content === 'none' ? null : own.subarray(rgbEnd, conditionEnd),
        ...(columns > 0 && { actions: new Float32Array(own.slice(conditionEnd).buffer) }),
      };
      running
        .then((one) => one.add(frame))
        .then(() => say({ type: 'taken', frames: (taken += 1) }), fail);
    }

    return {
      onText(text) {
        const message = fromPage.safeParse(parsed(text));
        if (!message.success) {
          throw new FrameloomError('bad-input', 'a message to record is neither start nor stop');
        }
        if (message.data.type === 'start') {
          if (recording) throw new FrameloomError('bad-call', 'it is recorded already');
          recording = begin(message.data);
          recording.catch(fail);
        } else {
          if (!recording) throw new FrameloomError('bad-call', 'nothing is recorded');
          const running = recording;
          recording = undefined;
          end(running, true).catch(fail);
        }
      },
      onBytes(bytes) {
        if (!recording) throw new FrameloomError('bad-call', 'a frame came before start');
        add(bytes, recording);
      },
      onClose() {
        if (recording && !failed) {
          end(recording, false).catch((error: unknown) => place.log.warn(messageOf(error)));
        }
      },
    };
  };

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
