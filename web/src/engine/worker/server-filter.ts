import { decodeFromSession, encodePacket } from '../../../../src/play/live/packets.js';
import type { LiveServices, Size } from '../../../../src/play/live/services.js';
import { API } from '../../../../src/serve/page-api.js';
import type { ServerSource } from '../worker-messages.js';
import { errorIn, ServerSocket } from './server-socket.js';

type Filter = NonNullable<LiveServices['filter']>;

/** The pipeline's own filter, which the server has: a connection for each size, made when it is needed. */
export function serverFilter(source: ServerSource, bytesPerPixel: number): Filter {
  let open: { readonly socket: ServerSocket; readonly size: Size } | undefined;
  let asked = 0;

  const socketFor = (size: Size): ServerSocket => {
    if (open && !open.socket.isOver && sameSize(open.size, size)) return open.socket;
    open?.socket.close();
    const query = new URLSearchParams({ width: String(size.width), height: String(size.height) });
    const socket = new ServerSocket(source, `${API.filter}?${query.toString()}`);
    open = { socket, size };
    return socket;
  };

  // The session asks for one at a time.
  return ({ width, height, rgb }, size) =>
    new Promise((resolve, reject) => {
      const socket = socketFor(size);
      asked += 1;
      const number = asked;
      socket.onEnd = reject;
      socket.onMessage = (data) => {
        if (typeof data === 'string') {
          return reject(errorIn(JSON.parse(data) as { message: string; hint?: string }));
        }
        const packet = decodeFromSession(new Uint8Array(data), bytesPerPixel);
        if (packet.number === number) resolve(packet.pixels);
      };
      socket
        .send(encodePacket({ kind: 'picture', width, height, number, pixels: rgb }))
        .catch(reject);
    });
}

const sameSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;
