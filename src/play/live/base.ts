import { FrameloomError } from '../../base/error.js';
import type { LiveClips, Size } from './services.js';

/** Bytes and frames that are read ahead at once. */
const BLOCK_BYTES = 8 * 2 ** 20;
const BLOCK_FRAMES = 50;

/** A clip that there is, and a frame in it. @throws FrameloomError bad-option */
export function assertInClip(
  clips: LiveClips | undefined,
  clip: number,
  frame: number,
): asserts clips is LiveClips {
  const found = clips?.list[clip];
  if (found && frame < found.frames) return;
  throw new FrameloomError(
    'bad-option',
    found
      ? `${found.name} has no frame ${frame}: it has ${found.frames}`
      : `there is no clip ${clip}`,
    {
      hint: clips
        ? `there are ${clips.list.length} clips`
        : 'this generator came without its clips',
    },
  );
}

/**
 * The conditions of a clip, one after the other and from its beginning again, read ahead. Where reading is late
 * the last one stays: none is left out.
 */
export class BasePlayback {
  readonly clip: number;
  readonly #clips: LiveClips;
  readonly #size: Size;
  readonly #frames: number;
  readonly #fail: (error: unknown) => void;
  #at: number;
  /** Conditions from #at on. */
  #ready: Uint8Array[] = [];
  #read = false;
  #ended = false;
  #last: Uint8Array | null = null;

  /** @param fail told where the clip cannot be read */
  constructor(
    clips: LiveClips,
    { clip, frame, size }: { readonly clip: number; readonly frame: number; readonly size: Size },
    fail: (error: unknown) => void,
  ) {
    this.clip = clip;
    this.#clips = clips;
    this.#size = size;
    this.#frames = clips.list[clip]!.frames;
    this.#at = frame;
    this.#fail = fail;
    void this.#readAhead();
  }

  /** The number of the next one. */
  get frame(): number {
    return this.#at;
  }

  /** The next condition; the last one again where it is not there yet, and null before the first. */
  next(): Uint8Array | null {
    const next = this.#ready.shift();
    if (next) {
      this.#last = next;
      this.#at = (this.#at + 1) % this.#frames;
    }
    void this.#readAhead();
    return this.#last;
  }

  end(): void {
    this.#ended = true;
  }

  /** Not what was true before reading. */
  #isOver(): boolean {
    return this.#ended;
  }

  async #readAhead(): Promise<void> {
    const { width, height } = this.#size;
    // A first block that is small is there soon.
    const known = this.#last?.length ?? this.#ready[0]?.length ?? width * height;
    const most = Math.max(2, Math.min(BLOCK_FRAMES, Math.floor(BLOCK_BYTES / known)));
    if (this.#read || this.#ended || this.#ready.length > most / 2) return;
    this.#read = true;
    try {
      const first = (this.#at + this.#ready.length) % this.#frames;
      const count = Math.min(this.#last ? most : 4, this.#frames - first);
      const read = await this.#clips.conditions(this.clip, first, count, this.#size);
      if (read.length !== count) {
        throw new FrameloomError(
          'bad-data',
          `a clip gave ${read.length} conditions from ${first} on, expected ${count}`,
        );
      }
      this.#ready.push(...read);
    } catch (error) {
      const wasOver = this.#isOver();
      this.#ended = true;
      if (!wasOver) this.#fail(error);
    } finally {
      this.#read = false;
    }
  }
}
