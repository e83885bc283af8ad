import { FrameloomError } from '../base/error.js';
import { frameBytes, type PixelFormat, PIXEL_LAYOUTS } from './pixel-format.js';

/** A frame as it comes out of the pipe. */
export interface SplitFrame {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const END_OF_HEADER = Buffer.from('ENDHDR\n');
const LONGEST_HEADER_BYTES = 256;

/**
 * Takes frames out of ffmpeg's PAM stream (netpbm's P7: a few lines of header, then the pixels as
 * they are). Each frame says its own size, so no filtergraph can make the pixels run out of step.
 * Every byte is copied once, into a buffer that belongs to its frame alone.
 */
export class FrameSplitter {
  readonly #format: PixelFormat;
  readonly #emit: (frame: SplitFrame) => void;
  readonly #header = Buffer.alloc(LONGEST_HEADER_BYTES);
  #headerBytes = 0;
  #frame: SplitFrame | undefined;
  #filled = 0;

  constructor(format: PixelFormat, emit: (frame: SplitFrame) => void) {
    this.#format = format;
    this.#emit = emit;
  }

  /** Bytes of a frame that has begun and not ended. */
  get pendingBytes(): number {
    return this.#headerBytes + this.#filled;
  }

  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (!this.#frame) {
        offset = this.#readHeader(chunk, offset);
        continue;
      }
      const { data } = this.#frame;
      const taken = Math.min(data.length - this.#filled, chunk.length - offset);
      chunk.copy(data, this.#filled, offset, offset + taken);
      this.#filled += taken;
      offset += taken;
      if (this.#filled === data.length) {
        const frame = this.#frame;
        this.#frame = undefined;
        this.#filled = 0;
        this.#emit(frame);
      }
    }
  }

  #readHeader(chunk: Buffer, offset: number): number {
    const before = this.#headerBytes;
    const copied = chunk.copy(this.#header, before, offset);
    this.#headerBytes += copied;
    const header = this.#header.subarray(0, this.#headerBytes);
    const end = header.indexOf(END_OF_HEADER, Math.max(0, before - END_OF_HEADER.length));
    if (end === -1) {
      if (this.#headerBytes === LONGEST_HEADER_BYTES) throw this.#broken();
      return offset + copied;
    }
    const text = header.toString('latin1', 0, end);
    const field = (name: string): number =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    const [width, height] = [field('WIDTH'), field('HEIGHT')];
    const fits = field('DEPTH') === PIXEL_LAYOUTS[this.#format].channels;
    if (!text.startsWith('P7\n') || !(width > 0) || !(height > 0) || !fits) throw this.#broken();
    this.#headerBytes = 0;
    this.#frame = {
      width,
      height,
      // Not from the shared pool: a frame may be kept long, or handed to another thread.
      data: Buffer.allocUnsafeSlow(frameBytes(width, height, this.#format)),
    };
    return offset + (end + END_OF_HEADER.length - before);
  }

  #broken(): FrameloomError {
    return new FrameloomError('ffmpeg-failed', 'ffmpeg sent something that is not a frame', {
      hint: 'run `frameloom doctor` to see which ffmpeg is used',
    });
  }
}
