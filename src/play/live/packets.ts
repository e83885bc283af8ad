/**
 * Binary messages of a live session: a header of 20 bytes, little-endian, and pixels row by row.
 *
 * | byte | | |
 * |---|---|---|
 * | 0 | u8 | what it is: `PAGE_KINDS`, `SESSION_KINDS` |
 * | 1 | u8 | the protocol's number |
 * | 2, 4 | u16, u16 | width and height, pixels |
 * | 6 | u16 | which clip; 0 where none is meant |
 * | 8 | u32 | its number: of what a page sends the page's own count, from 1; of a frame the session's; of a clip's condition its frame |
 * | 12 | u32 | of a frame: the newest condition or picture that it was made with; 0 for none |
 * | 16 | f32 | of a frame: milliseconds that it took |
 */
import { FrameloomError } from '../../base/error.js';
import { PROTOCOL } from './messages.js';

/** What a page sends. */
const PAGE_KINDS = {
  /** One frame of the condition, in the bytes of the model's layout and at its size. */
  condition: 1,
  /** rgb24 at any size, that the session makes a condition of. */
  picture: 2,
  /** rgb24 at the model's size: the frame that the world begins from. */
  firstPicture: 3,
  /**
   * What is drawn over the clip's own playing conditions: a condition, and behind it one byte for each pixel, 1 where
   * the condition covers what plays and 0 where that shows.
   */
  overlay: 4,
} as const;

/** What a session sends. */
const SESSION_KINDS = {
  /** rgb24: a frame of the world. */
  frame: 65,
  /** A condition of a clip, by its number in it. */
  clip: 66,
  /** The condition that was made of a picture, by the picture's number. */
  filtered: 67,
  /** The condition that the frame of this number was made of, where `base` asked to be shown it. Sent before the frame. */
  composed: 68,
} as const;

export type PageKind = keyof typeof PAGE_KINDS;
export type SessionKind = keyof typeof SESSION_KINDS;

export interface Packet<Kind extends PageKind | SessionKind> {
  readonly kind: Kind;
  /** Pixels, up to 65,535. */
  readonly width: number;
  readonly height: number;
  readonly clip: number;
  readonly number: number;
  readonly newest: number;
  /** As exact as 32 bits are. */
  readonly ms: number;
  /** Row by row; of a decoded packet a view into the message. */
  readonly pixels: Uint8Array;
}

/** What is sent: what is left out is 0. */
export interface PacketParts<Kind extends PageKind | SessionKind> extends Partial<
  Pick<Packet<Kind>, 'clip' | 'number' | 'newest' | 'ms'>
> {
  readonly kind: Kind;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array | Uint8ClampedArray;
}

/** Of a packet before its pixels. */
export const HEADER_BYTES = 20;
/** Pixels of a picture that a page may send. */
export const MOST_PICTURE_PIXELS = 2048 * 2048;
/** Bytes of any message that a page may send. */
export const MOST_MESSAGE_BYTES = HEADER_BYTES + 3 * MOST_PICTURE_PIXELS;

/** @returns the bytes of a message, in a buffer of their own that may be transferred */
export function encodePacket<Kind extends PageKind | SessionKind>(
  packet: PacketParts<Kind>,
): Uint8Array<ArrayBuffer> {
  const { kind, width, height, clip = 0, number = 0, newest = 0, ms = 0, pixels } = packet;
  const codes: Readonly<Record<PageKind | SessionKind, number>> = {
    ...PAGE_KINDS,
    ...SESSION_KINDS,
  };
  const bytes = new Uint8Array(HEADER_BYTES + pixels.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, codes[kind]);
  view.setUint8(1, PROTOCOL);
  view.setUint16(2, width, true);
  view.setUint16(4, height, true);
  view.setUint16(6, clip, true);
  view.setUint32(8, number, true);
  view.setUint32(12, newest, true);
  view.setFloat32(16, ms, true);
  bytes.set(pixels, HEADER_BYTES);
  return bytes;
}

const refused = (what: string): FrameloomError =>
  new FrameloomError('bad-input', `a binary message ${what}`, {
    hint: 'reload the page: it may be one of another version',
  });

function decode<Kind extends PageKind | SessionKind>(
  bytes: Uint8Array,
  codes: Readonly<Record<Kind, number>>,
): Packet<Kind> {
  if (bytes.length < HEADER_BYTES) {
    throw refused(`has ${bytes.length} bytes, fewer than its header`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [code, protocol] = [view.getUint8(0), view.getUint8(1)];
  if (protocol !== PROTOCOL) {
    throw refused(`is of protocol ${protocol}, and this is ${PROTOCOL}`);
  }
  const kind = (Object.keys(codes) as Kind[]).find((name) => codes[name] === code);
  if (kind === undefined) throw refused(`is of no known kind: ${code}`);
  const packet: Packet<Kind> = {
    kind,
    width: view.getUint16(2, true),
    height: view.getUint16(4, true),
    clip: view.getUint16(6, true),
    number: view.getUint32(8, true),
    newest: view.getUint32(12, true),
    ms: view.getFloat32(16, true),
    pixels: bytes.subarray(HEADER_BYTES),
  };
  if (packet.width < 1 || packet.height < 1) throw refused(`holds a ${kind} of no pixels`);
  return packet;
}

function assertBytes(packet: Packet<PageKind | SessionKind>, bytesPerPixel: number): void {
  const { kind, width, height, pixels } = packet;
  const expected = bytesPerPixel * width * height;
  if (pixels.length === expected) return;
  throw refused(
    `holds a ${kind} of ${width}x${height} in ${pixels.length} bytes, expected ${expected}`,
  );
}

const RGB_OF_PAGE = { picture: 3, firstPicture: 3 } as const;

/**
 * A binary message from a page.
 * @param bytesPerPixel of the model's conditions
 * @throws FrameloomError bad-input for one whose kind, protocol, size and length do not fit together, or that is larger
 *   than pictures may be
 */
export function decodeFromPage(bytes: Uint8Array, bytesPerPixel: number): Packet<PageKind> {
  const packet = decode(bytes, PAGE_KINDS);
  if (packet.width * packet.height > MOST_PICTURE_PIXELS) {
    throw refused(`holds a ${packet.kind} of ${packet.width}x${packet.height}: too large`);
  }
  assertBytes(
    packet,
    { ...RGB_OF_PAGE, condition: bytesPerPixel, overlay: bytesPerPixel + 1 }[packet.kind],
  );
  return packet;
}

/**
 * A binary message from a session.
 * @param bytesPerPixel of the model's conditions
 * @throws FrameloomError bad-input for one whose kind, protocol, size and length do not fit together
 */
export function decodeFromSession(bytes: Uint8Array, bytesPerPixel: number): Packet<SessionKind> {
  const packet = decode(bytes, SESSION_KINDS);
  assertBytes(packet, packet.kind === 'frame' ? 3 : bytesPerPixel);
  return packet;
}
