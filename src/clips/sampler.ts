import { FrameloomError } from '../base/error.js';
import { ownShare, WHOLE } from '../base/share.js';
import { drawIndex, randomStream, type RandomStream } from '../base/random.js';
import { drawAugmentation, type AugmentOptions } from './augment.js';
import { sizeDividedBy, windowSize } from './options.js';
import { drawPatch } from './patch.js';
import { spanLength, windowSpanFrames } from './split.js';
import type { WindowOrigin, WindowRequest } from './types.js';
import { WindowTable, type Shot } from './window-table.js';

export interface SamplerOptions {
  readonly seed: number;
  /** Where windows may be taken. */
  readonly shots: readonly Shot[];
  readonly leadFrames: number;
  readonly strides: readonly number[];
  readonly augment: AugmentOptions;
  readonly width: number;
  readonly height: number;
  /** Of windows that are cut out of frames; whole frames unless given. */
  readonly patch?: { readonly width: number; readonly height: number } | undefined;
  /** Paths of the clips, for messages. */
  readonly paths: readonly string[];
}

/** The windows of a step, warm-up included, which is of one length in all of them. */
export interface Draw {
  readonly origin: readonly WindowOrigin[];
  /** Of all processes that train on the step. */
  readonly drawn: readonly WindowOrigin[];
  readonly warmUpFrames: number;
}

/** Windows that are looked at for one in which something else is done. */
const OTHER_WINDOWS = 4;

/** Draws which windows a step trains on and how they are changed. */
export class WindowSampler {
  readonly #options: SamplerOptions;
  readonly #tables = new Map<string, WindowTable>();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** All windows of T trained frames at a stride. */
  table(frames: number, strideFrames: number): WindowTable {
    const key = `${frames}/${strideFrames}`;
    let table = this.#tables.get(key);
    if (!table) {
      const { shots, leadFrames } = this.#options;
      table = new WindowTable(shots, leadFrames + frames, strideFrames);
      this.#tables.set(key, table);
    }
    return table;
  }

  /** Windows of a clip (of all, without one), at every stride. */
  count(frames: number, clip?: number): number {
    return this.#options.strides
      .map((stride) => this.table(frames, stride))
      .reduce((sum, table) => sum + (clip === undefined ? table.count : table.countOf(clip)), 0);
  }

  /** The frames that the shortest window of T trained frames spans. */
  neededFrames(frames: number): number {
    const { leadFrames, strides } = this.#options;
    return windowSpanFrames(leadFrames + frames, Math.min(...strides));
  }

  /** The most frames of warm-up that fit in front of any window of T trained frames. */
  warmUpRoom(frames: number): number {
    const { leadFrames, strides, shots } = this.#options;
    const rooms = shots.flatMap((shot) =>
      strides.map((stride) =>
        Math.floor((spanLength(shot) - windowSpanFrames(leadFrames + frames, stride)) / stride),
      ),
    );
    return Math.max(0, ...rooms);
  }

  /** The most trained frames that a window has which begins there, in the scene that it begins in; 0 or less for none. */
  roomFrom({ clip, startFrame, strideFrames }: WindowOrigin): number {
    const { leadFrames, shots } = this.#options;
    const shot = shots.find(
      (one) => one.clip === clip && one.start <= startFrame && startFrame < one.end,
    );
    if (!shot) return 0;
    return Math.ceil((shot.end - startFrame) / strideFrames) - leadFrames;
  }

  /** The longest stretch of a clip (of any, without one) that windows may be taken from. */
  presentFrames(clip?: number): number {
    return this.#options.shots
      .filter((shot) => clip === undefined || shot.clip === clip)
      .reduce((most, shot) => Math.max(most, shot.end - shot.start), 0);
  }

  /**
   * The windows of a step: a pure function of the seed, the step, the request and the options. The
   * trained frames are drawn from all windows of their length, and warm-up is what room there is in front
   * of them: else steps with warm-up would train on long scenes alone.
   * @throws FrameloomError bad-option, bad-data where no clip holds a window of that length, or the windows that are
   *   asked for are not there
   */
  draw(step: number, request: WindowRequest): Draw {
    const { frames, batch, warmUpFrames: wanted = 0, attempt, divideBy = 1 } = request;
    const { share = WHOLE } = request;
    const room = Math.max(frames, request.roomFrames ?? frames);
    if (!Number.isInteger(step) || step < 0 || !(frames >= 1) || !(batch >= 1) || !(wanted >= 0)) {
      throw new FrameloomError(
        'bad-option',
        `cannot draw ${batch} windows of ${frames} frames for step ${step}`,
        { hint: 'steps count from 0, frames and batch from 1' },
      );
    }
    if (request.origin) {
      const given = this.#given(request.origin, request);
      return { origin: ownShare(given, share), drawn: given, warmUpFrames: 0 };
    }
    const { seed, strides } = this.#options;
    const usable = strides.filter((stride) => this.table(room, stride).count > 0);
    if (usable.length === 0) throw this.tooShort(room);
    const random = randomStream(seed, 'data', drawIndex(step, attempt));
    const places = Array.from({ length: batch * share.size }, () =>
      this.#drawOne(random, room, usable, divideBy),
    );
    // Of all of them: processes that train on one step run one graph.
    const warmUpFrames = Math.min(wanted, ...places.map(({ before }) => before));
    const drawn = places.map(({ origin: { startFrame, ...one } }) => ({
      ...one,
      startFrame: startFrame - warmUpFrames * one.strideFrames,
    }));
    return { origin: ownShare(drawn, share), drawn, warmUpFrames };
  }

  /**
   * For each window a frame of its clip that shows the same look: drawn among those to train on that the window does not
   * span, or among all where it spans all of them. Has a stream of its own, so that windows are the same with and without.
   * @param length frames of each window
   */
  drawLooks(
    step: number,
    attempt: number,
    origin: readonly WindowOrigin[],
    length: number,
  ): number[] {
    const random = randomStream(this.#options.seed, 'style', drawIndex(step, attempt));
    return origin.map(({ clip, startFrame, strideFrames }) => {
      const spans = this.#options.shots.filter((shot) => shot.clip === clip);
      const end = startFrame + windowSpanFrames(length, strideFrames);
      const outside = spans.flatMap((shot) => [
        { start: shot.start, end: Math.min(shot.end, startFrame) },
        { start: Math.max(shot.start, end), end: shot.end },
      ]);
      const others = outside.filter((span) => span.end > span.start);
      const among = others.length > 0 ? others : spans;
      let at = random.integer(0, among.reduce((sum, span) => sum + spanLength(span), 0) - 1);
      for (const span of among) {
        if (at < spanLength(span)) return span.start + at;
        at -= spanLength(span);
      }
      throw new RangeError(`clip ${clip} has no frame ${at} to train on`);
    });
  }

  /**
   * For each window some others of its length and stride, one of which may be taken for something else that could have been
   * done. Has a stream of its own, so that windows are the same with and without.
   * @param length frames of each window
   */
  drawOthers(
    step: number,
    attempt: number,
    origin: readonly WindowOrigin[],
    length: number,
  ): Pick<WindowOrigin, 'clip' | 'startFrame'>[][] {
    const random = randomStream(
      this.#options.seed,
      'actions',
      `${drawIndex(step, attempt)}/others`,
    );
    return origin.map(({ strideFrames }) => {
      const table = this.table(length - this.#options.leadFrames, strideFrames);
      return Array.from({ length: OTHER_WINDOWS }, () =>
        table.at(random.integer(0, table.count - 1)),
      );
    });
  }

  /** The error that says how long a window is and how long the longest scene to train on. */
  tooShort(frames: number): FrameloomError {
    const { leadFrames, paths } = this.#options;
    const where =
      paths.length === 1 ? (paths[0] ?? 'the clip') : `the longest of ${paths.length} clips`;
    return new FrameloomError(
      'bad-data',
      `${where} has ${this.presentFrames()} frames in a row to train on; a window needs ${this.neededFrames(frames)} (${frames} and ${leadFrames} in front)`,
      {
        hint: 'use a longer clip, fewer training.frames, a smaller heldOut.fraction or strideFrames, or sceneCuts: {detect: false}',
        path: 'data.clips',
      },
    );
  }

  /** Windows that the request names. */
  #given(
    origin: readonly WindowOrigin[],
    { frames, batch, share = WHOLE }: WindowRequest,
  ): readonly WindowOrigin[] {
    const short = origin.find((one) => this.roomFrom(one) < frames);
    if (origin.length === batch * share.size && !short) return origin;
    const place = short && `: there is none from frame ${short.startFrame} of clip ${short.clip}`;
    throw new FrameloomError(
      'bad-option',
      `cannot take ${batch * share.size} windows of ${frames} frames from ${origin.length} places${place ?? ''}`,
    );
  }

  #drawOne(random: RandomStream, frames: number, strides: readonly number[], divideBy: number) {
    const { augment, width, height, patch } = this.#options;
    const size = { width, height };
    const strideFrames = strides[random.integer(0, strides.length - 1)]!;
    const table = this.table(frames, strideFrames);
    const { framesBefore, ...place } = table.at(random.integer(0, table.count - 1));
    const origin: WindowOrigin = {
      ...place,
      strideFrames,
      ...drawAugmentation(random, augment, size),
      patch: drawPatch(
        random,
        sizeDividedBy(size, divideBy),
        windowSize({ size, patch }, divideBy),
      ),
    };
    return { origin, before: Math.floor(framesBefore / strideFrames) };
  }
}
