// A live session with a page at its other end, both by a clock that goes when it is told to.
import { FrameloomError } from '../../src/base/error.js';
import type { ClientMessage, ServerMessage } from '../../src/play/live/messages.js';
import {
  decodeFromSession,
  encodePacket,
  type Packet,
  type PageKind,
  type SessionKind,
} from '../../src/play/live/packets.js';
import { decodeServer, encodeClient } from '../../src/play/live/protocol.js';
import type { LiveClips, LiveModel, LiveServices } from '../../src/play/live/services.js';
import { createSession } from '../../src/play/live/session.js';
import { FakeClock, fakeModel, type FakeOptions } from './fakes.js';

const SIZE = { width: 4, height: 4 };
export const PIXELS = 16;

export interface LiveOptions extends FakeOptions {
  readonly clock?: FakeClock;
  readonly styles?: LiveModel['info']['styles'];
}

export function liveModel(options: LiveOptions): LiveModel & {
  opened: () => number;
} {
  const { styles } = options;
  return {
    ...fakeModel(options),
    info: {
      ...{ pipeline: { name: 'street' }, step: 7, fixed: null, input: 'maps' },
      generator: {
        ...{ historyFrames: 2, conditionFrames: 1, noiseChannels: 2, flow: true },
        ...(styles && { styleChannels: 1 }),
      },
      ...(styles && { styles }),
    },
    ...(styles && { style: Float32Array.of(0.25) }),
    engine: { name: 'onnxruntime-node', device: 'cpu', threads: 2 },
  };
}

/** A session, and a page that takes what it is sent at once, unless it is told not to. */
export function live(
  fake: LiveOptions = {},
  services: LiveServices = {},
  { hello = true, reads = true } = {},
) {
  const clock = fake.clock ?? new FakeClock();
  const told = { ms: 1, ...fake, clock };
  const model = liveModel(told);
  const texts: ServerMessage[] = [];
  const packets: Packet<SessionKind>[] = [];
  const page = { reads, bytes: 0 };
  const ask = (message: ClientMessage): void => session.receive(encodeClient(message));
  const session = createSession({
    ...{ model, services, clock },
    send(message) {
      page.bytes += message.length;
      if (typeof message === 'string') return void texts.push(decodeServer(message));
      const packet = decodeFromSession(message, 1);
      packets.push(packet);
      if (page.reads && packet.kind === 'frame') {
        queueMicrotask(() => ask({ type: 'shown', frame: packet.number }));
      }
    },
  });
  if (hello) ask({ type: 'hello', protocol: 1 });
  const draw = (
    pixels: Uint8Array,
    number: number,
    kind: PageKind = 'condition',
    size: { width: number; height: number } = SIZE,
  ): void => session.receive(encodePacket({ kind, ...size, number, pixels }));
  const frames = () => packets.filter(({ kind }) => kind === 'frame');
  const of = <T extends ServerMessage['type']>(type: T) =>
    texts.filter((text): text is Extract<ServerMessage, { type: T }> => text.type === type);
  return { session, clock, told, model, texts, packets, page, ask, draw, frames, of };
}
export const labels = (id: number): Uint8Array => new Uint8Array(PIXELS).fill(id);

/** A clip of ten maps, whose ids are 0, 1, 2, 0 …; each reading takes `ms`. */
export function clips(clock?: FakeClock, ms = 0) {
  const reads: [number, number][] = [];
  const read = async (first: number, count: number): Promise<Uint8Array[]> => {
    reads.push([first, count]);
    if (clock && ms > 0) await new Promise<void>((done) => void clock.after(ms, done));
    if (made.broken) throw new FrameloomError('not-found', 'the clip is gone');
    return Array.from({ length: count }, (_, i) => labels((first + i) % 3));
  };
  const services: LiveClips = {
    list: [{ name: 'street.mp4', frames: 10, fps: 25 }],
    conditions: (_clip, first, count) => read(first, count),
    frames: async (_clip, first, count) => ({
      frames: Array.from({ length: count }, () => new Uint8Array(3 * PIXELS)),
      conditions: await read(first, count),
    }),
  };
  const made = { ...services, reads, broken: false };
  return made;
}
