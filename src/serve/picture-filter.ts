import type { Subject, Subscription } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { rational } from '../base/rational.js';
import type { DataOptions } from '../clips/options.js';
import type { Frame } from '../video/index.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface FilterOptions {
  readonly data: DataOptions;
  readonly baseFolder: string;
  /** Run any filtergraph, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
}

interface Waiting {
  readonly resolve: (condition: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** One ffmpeg that is fed pictures of one size. */
interface Running {
  readonly key: string;
  readonly pictures: Subject<Frame>;
  readonly waiting: Waiting[];
  readonly subscription: Subscription;
  sent: number;
}

/**
 * The rule by which pictures become conditions: a derived condition's own filtergraph; a paired picture is the picture
 * itself, brought to size. Of labels no picture is a map.
 */
function ruleOf(data: DataOptions): DataOptions | null {
  const { condition } = data;
  if (condition.kind === 'derived') return data;
  if (condition.kind === 'paired' && condition.content === 'image') {
    return { ...data, condition: { kind: 'derived', preset: 'picture' } };
  }
  return null;
}

/**
 * Why pictures cannot become conditions of this pipeline, in words; null where they can.
 */
export async function whyNoFilter(options: FilterOptions): Promise<string | null> {
  const { data, baseFolder, trustFilters } = options;
  const { kind } = data.condition;
  const rule = ruleOf(data);
  if (!rule) {
    return kind === 'none'
      ? 'this generator takes no condition'
      : 'this generator is told by label maps, which no picture is: draw them';
  }
  try {
    const { planCondition } = await import('../clips/condition-plan.js');
    await planCondition(rule, { baseFolder, trustFilters, ...data.size });
    return null;
  } catch (error) {
    if (error instanceof FrameloomError) return error.toLine();
    throw error;
  }
}

/**
 * Pictures through the pipeline's own condition filter, one after the other, by an ffmpeg that stays: starting one
 * takes longer than all that it does. Whoever asks decides which pictures are worth it; they are answered in order.
 */
export class PictureFilter {
  readonly #options: FilterOptions;
  #running: Promise<Running> | null = null;
  #closed = false;

  constructor(options: FilterOptions) {
    this.#options = options;
  }

  /**
   * Makes a condition of a picture, as training saw it.
   * @param picture rgb24
   * @param size of the condition, pixels
   * @throws FrameloomError bad-input where pictures are no conditions of this pipeline; untrusted; ffmpeg-failed;
   *   cancelled by `close`
   */
  async filter(picture: Size & { readonly rgb: Uint8Array }, size: Size): Promise<Uint8Array> {
    const { width, height, rgb: data } = picture;
    if (this.#closed) throw ended();
    const key = [width, height, size.width, size.height].join();
    let running = await this.#running?.catch(() => null);
    if (running?.key !== key || running.subscription.closed) {
      if (running) stop(running, ended());
      this.#running = this.#start(key, size);
      running = await this.#running;
      // Where it was closed meanwhile, `close` has waited for this one, and has stopped it.
      if (running.subscription.closed) throw ended();
    }
    const { pictures, waiting } = running;
    const timeSeconds = running.sent / RATE;
    const frame = {
      index: running.sent,
      timeSeconds,
      width,
      height,
      pixelFormat: 'rgb24',
      data,
    } as const;
    running.sent += 1;
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      pictures.next(frame);
    });
  }

  /** Ends ffmpeg; what waits is cancelled. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = await this.#running?.catch(() => null);
    if (running) stop(running, ended());
  }

  async #start(key: string, size: Size): Promise<Running> {
    const { data, baseFolder, trustFilters } = this.#options;
    const rule = ruleOf(data);
    // Who draws needs none of it.
    const [{ Subject }, { openCondition }] = await Promise.all([
      import('rxjs'),
      import('../clips/condition.js'),
    ]);
    const pictures = new Subject<Frame>();
    const source = { frames: pictures.asObservable() };
    const fps = rational(RATE);
    const stream =
      rule && (await openCondition({ ...rule, size }, source, { baseFolder, trustFilters, fps }));
    if (!stream) {
      throw new FrameloomError('bad-input', 'no picture is a condition of this pipeline', {
        hint: 'draw its conditions',
      });
    }
    const waiting: Waiting[] = [];
    const subscription = stream.frames.subscribe({
      next: (frame) => waiting.shift()?.resolve(frame.data),
      error: (error: unknown) => fail(waiting, error),
      complete: () => fail(waiting, ended()),
    });
    return { key, pictures, waiting, subscription, sent: 0 };
  }
}

/** Pictures have no rate: one that filters see. */
const RATE = 25;

const ended = (): FrameloomError =>
  new FrameloomError('cancelled', 'the filter of pictures was ended');

function fail(waiting: Waiting[], error: unknown): void {
  for (const { reject } of waiting.splice(0)) reject(error);
}

function stop({ subscription, waiting }: Running, why: unknown): void {
  subscription.unsubscribe();
  fail(waiting, why);
}
