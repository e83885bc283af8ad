import { FrameloomError } from '../base/error.js';
import { FILE_ID, FRAME_FLAGS, LONG_PACKET_BYTES, START_CODES, type TimeBase } from './nut.js';

/** A frame as it comes out of ffmpeg. */
export interface NutFrame {
  readonly width: number;
  readonly height: number;
  readonly timeSeconds: number;
  readonly data: Uint8Array;
}

/** What is the same for all frames that begin with one of the 256 codes. */
interface FrameCode {
  readonly flags: number;
  readonly ptsDelta: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly stream: number;
  readonly reserved: number;
  readonly headerIndex: number;
}

interface Stream {
  readonly width: number;
  readonly height: number;
  readonly timeBase: TimeBase;
  readonly msbPtsShift: number;
  lastPts: number;
}

/** Reads the numbers of a packet. Runs out: undefined is thrown, and more bytes are waited for. */
class Cursor {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined) throw new NeedMore();
    this.at += 1;
    return value;
  }

  v(): number {
    let value = 0;
    for (;;) {
      const byte = this.byte();
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
  }

  s(): number {
    const value = this.v() + 1;
    return value % 2 === 1 ? -(value - 1) / 2 : value / 2;
  }

  skip(count: number): void {
    if (this.at + count > this.#bytes.length) throw new NeedMore();
    this.at += count;
  }
}

class NeedMore extends Error {}

const HEADER_LIMIT_BYTES = 65_536;
const SPOKEN: readonly bigint[] = Object.values(START_CODES);
const LETTER_N = 0x4e;

/** The frame codes of a main header. */
function readMain(cursor: Cursor): { timeBases: TimeBase[]; codes: FrameCode[] } {
  const version = cursor.v();
  if (version > 3) cursor.v();
  if (cursor.v() !== 1) throw broken();
  cursor.v(); // the greatest distance between syncpoints
  const timeBases = Array.from({ length: cursor.v() }, () => ({
    num: cursor.v(),
    den: cursor.v(),
  }));
  const codes: FrameCode[] = [];
  let ptsDelta = 0;
  let sizeMul = 1;
  let stream = 0;
  let headerIndex = 0;
  while (codes.length < 256) {
    const flags = cursor.v();
    const fields = cursor.v();
    if (fields > 0) ptsDelta = cursor.s();
    if (fields > 1) sizeMul = cursor.v();
    if (fields > 2) stream = cursor.v();
    const size = fields > 3 ? cursor.v() : 0;
    const reserved = fields > 4 ? cursor.v() : 0;
    const count = fields > 5 ? cursor.v() : sizeMul - size;
    if (fields > 6) cursor.s(); // match time
    if (fields > 7) headerIndex = cursor.v();
    for (let i = 8; i < fields; i += 1) cursor.v();
    if (count === 0 && codes.length !== LETTER_N) throw broken();
    for (let i = 0; i < count && codes.length < 256;) {
      // No frame may begin with the letter that start codes begin with.
      const isLetter = codes.length === LETTER_N;
      const own = isLetter ? FRAME_FLAGS.invalid : flags;
      codes.push({
        flags: own,
        ptsDelta,
        sizeMul,
        sizeLsb: size + i,
        stream,
        reserved,
        headerIndex,
      });
      if (!isLetter) i += 1;
    }
  }
  return { timeBases, codes };
}

const broken = (): FrameloomError =>
  new FrameloomError('ffmpeg-failed', 'ffmpeg sent something that is not a frame', {
    hint: 'run `frameloom doctor` to see which ffmpeg is used',
  });

/**
 * Takes frames out of ffmpeg's NUT stream of raw pictures. Every byte is copied once, into a buffer
 * that belongs to its frame alone.
 */
export class NutReader {
  readonly #emit: (frame: NutFrame) => void;
  readonly #bytesPerPixel: number;
  #head: Buffer = Buffer.alloc(0);
  #begun = false;
  #codes: FrameCode[] = [];
  #timeBases: TimeBase[] = [];
  #stream: Stream | undefined;
  #frame: (NutFrame & { readonly data: Buffer }) | undefined;
  #filled = 0;

  constructor(bytesPerPixel: number, emit: (frame: NutFrame) => void) {
    this.#bytesPerPixel = bytesPerPixel;
    this.#emit = emit;
  }

  /** Bytes of a frame that has begun and not ended. */
  get pendingBytes(): number {
    return this.#frame ? this.#filled : 0;
  }

  /** @throws FrameloomError ffmpeg-failed for what is no NUT, bad-shape for a size that changes */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#frame) {
        const { data } = this.#frame;
        const taken = rest.copy(data, this.#filled, 0, data.length - this.#filled);
        this.#filled += taken;
        rest = rest.subarray(taken);
        if (this.#filled < data.length) return;
        const frame = this.#frame;
        this.#frame = undefined;
        this.#filled = 0;
        this.#emit(frame);
        continue;
      }
      const all: Buffer = this.#head.length === 0 ? rest : Buffer.concat([this.#head, rest]);
      const used = this.#readHeads(all);
      rest = all.subarray(used);
      this.#head = Buffer.alloc(0);
      if (!this.#hasFrame()) {
        if (rest.length > HEADER_LIMIT_BYTES) throw broken();
        this.#head = Buffer.from(rest);
        return;
      }
    }
  }

  /** As a call, since it changes inside another. */
  #hasFrame(): boolean {
    return this.#frame !== undefined;
  }

  /** Everything up to the bytes of a frame, or as far as it has come. @returns the bytes used */
  #readHeads(bytes: Buffer): number {
    let used = 0;
    try {
      if (!this.#begun) {
        const told = bytes.subarray(0, FILE_ID.length);
        if (!told.equals(FILE_ID.subarray(0, told.length))) throw broken();
        if (told.length < FILE_ID.length) return 0;
        this.#begun = true;
        used = FILE_ID.length;
      }
      let isFrame = false;
      while (!isFrame) {
        const cursor = new Cursor(bytes, used);
        const code = cursor.byte();
        isFrame = code !== LETTER_N;
        if (isFrame) this.#readFrame(cursor, code);
        else this.#readPacket(bytes, cursor);
        used = cursor.at;
      }
    } catch (error) {
      if (!(error instanceof NeedMore)) throw error;
    }
    return used;
  }

  #readPacket(bytes: Buffer, cursor: Cursor): void {
    cursor.skip(7);
    const startCode = bytes.readBigUInt64BE(cursor.at - 8);
    if (!SPOKEN.includes(startCode)) throw broken();
    const length = cursor.v();
    if (length > LONG_PACKET_BYTES) cursor.skip(4);
    const from = cursor.at;
    cursor.skip(length);
    const payload = new Cursor(bytes.subarray(from, from + length - 4));
    if (startCode === START_CODES.main) {
      const { timeBases, codes } = readMain(payload);
      this.#timeBases = timeBases;
      this.#codes = codes;
    } else if (startCode === START_CODES.stream) {
      this.#readStream(payload);
    } else if (startCode === START_CODES.syncpoint) {
      this.#readSyncpoint(payload);
    }
  }

  #readStream(cursor: Cursor): void {
    cursor.v(); // its number
    cursor.v(); // its class
    cursor.skip(cursor.v()); // its codec
    const timeBase = this.#timeBases[cursor.v()];
    const msbPtsShift = cursor.v();
    cursor.v(); // max_pts_distance
    cursor.v(); // decode_delay
    cursor.v(); // stream flags
    cursor.skip(cursor.v()); // codec specific data
    const width = cursor.v();
    const height = cursor.v();
    if (!timeBase || this.#stream) throw broken();
    this.#stream = { width, height, timeBase, msbPtsShift, lastPts: 0 };
  }

  /** From here on times are counted anew, from the time that it names. */
  #readSyncpoint(cursor: Cursor): void {
    const value = cursor.v();
    const count = this.#timeBases.length;
    const base = this.#timeBases[value % count];
    const stream = this.#stream;
    if (!base || !stream) throw broken();
    const ticks = Math.floor(value / count);
    const { num, den } = stream.timeBase;
    stream.lastPts = Math.floor((ticks * base.num * den) / (base.den * num));
  }

  #readFrame(cursor: Cursor, code: number): void {
    const kind = this.#codes[code];
    const stream = this.#stream;
    if (!kind || !stream) throw broken();
    let { flags, headerIndex } = kind;
    if (flags & FRAME_FLAGS.invalid) throw broken();
    if (flags & FRAME_FLAGS.coded) flags ^= cursor.v();
    if (flags & FRAME_FLAGS.streamId) cursor.v();
    const pts =
      flags & FRAME_FLAGS.codedPts ? this.#fullPts(cursor.v()) : stream.lastPts + kind.ptsDelta;
    const size =
      flags & FRAME_FLAGS.sizeMsb ? kind.sizeMul * cursor.v() + kind.sizeLsb : kind.sizeLsb;
    if (flags & FRAME_FLAGS.matchTime) cursor.s();
    if (flags & FRAME_FLAGS.headerIndex) headerIndex = cursor.v();
    const reserved = flags & FRAME_FLAGS.reserved ? cursor.v() : kind.reserved;
    for (let i = 0; i < reserved; i += 1) cursor.v();
    if (flags & FRAME_FLAGS.checksum) cursor.skip(4);
    if (headerIndex !== 0 || flags & FRAME_FLAGS.sideData) throw broken();
    stream.lastPts = pts;
    const { width, height, timeBase } = stream;
    if (size !== width * height * this.#bytesPerPixel) {
      throw new FrameloomError(
        'bad-shape',
        `a frame has ${size} bytes where ${width}x${height} pixels have ${width * height * this.#bytesPerPixel}`,
        { hint: 'all frames of a stream have one size: give one, or end the filtergraph in one' },
      );
    }
    this.#frame = {
      width,
      height,
      timeSeconds: (pts * timeBase.num) / timeBase.den,
      // Not from the shared pool: a frame may be kept long, or handed to another thread.
      data: Buffer.allocUnsafeSlow(size),
    };
  }

  /** A time of which the upper bits may have been left out, being those of the last one. */
  #fullPts(coded: number): number {
    const { lastPts, msbPtsShift } = this.#stream!;
    const range = 2 ** msbPtsShift;
    if (coded >= range) return coded - range;
    const delta = lastPts - range / 2;
    return ((((coded - delta) % range) + range) % range) + delta;
  }
}
