import { FrameloomError, isFrameloomError } from '../base/error.js';
import { Latest } from '../play/live/latest.js';
import { decodeFromPage, encodePacket, type Packet, type PageKind } from '../play/live/packets.js';
import type { Size } from '../play/live/services.js';
import { recordingsOf, type LiveContext, type LivePlace } from './live-context.js';
import { PictureFilter } from './picture-filter.js';
import type { RecordedFrame } from './recording.js';
import { assertFrameBytes, recordFrames } from './recording-socket.js';
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

/** Frames that a page made itself, to be recorded. One recording for each connection. */
export const recordPage =
  (place: LivePlace, context: Promise<LiveContext>) =>
  async (socket: LiveSocket): Promise<SocketEars> => {
    const { recorded: model } = await context;
    const { layout } = model;
    const columns = layout.actions?.length ?? 0;
    const { log } = place;
    return recordFrames<RecordedFrame>(socket, {
      async begin({ width, height, fps }) {
        const { startRecording } = await import('./recording.js');
        return startRecording({ folder: recordingsOf(place), width, height, fps, model, log });
      },
      read(bytes, { width, height }) {
        const pixels = width * height;
        const [rgbEnd, conditionEnd] = [3 * pixels, (3 + layout.bytesPerPixel) * pixels];
        assertFrameBytes(bytes, conditionEnd + 4 * columns);
        return {
          rgb: bytes.subarray(0, rgbEnd),
          condition: layout.content === 'none' ? null : bytes.subarray(rgbEnd, conditionEnd),
          ...(columns > 0 && { actions: new Float32Array(bytes.slice(conditionEnd).buffer) }),
        };
      },
      placeOf: ({ folder }) => folder,
      log,
    });
  };
