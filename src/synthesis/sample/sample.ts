import { filter, Observable, range } from 'rxjs';
import { FrameloomError } from '../../base/error.js';
import { rationalToNumber, type Rational } from '../../base/rational.js';
import { mapFrames, type Frame } from '../../video/index.js';
import { dataOf, memoryOf, type AnyModel } from '../models/model.js';
import { blend, closingShare, loopFrames } from './loop.js';
import { createSynthesizer } from '../engines/open.js';
import type { Synthesizer } from '../engines/synthesizer.js';

export interface SampleOptions {
  readonly frames: number;
  readonly fps: Rational;
  /** Of the noise; the training's unless given. */
  readonly seed?: number | undefined;
  /** rgb24 in the model's size: the first frame, as if it had stood still before. */
  readonly firstFrame?: Uint8Array | undefined;
  /** Close the sequence to a loop over so many frames; 'auto' chooses. Not closed unless given. */
  readonly loop?: number | 'auto' | undefined;
  /** Lent: begun anew, and not disposed of. one of its own unless given. */
  readonly synthesizer?: Synthesizer | undefined;
}

/** Seeds of the closing's noise, out of the way of those that people give. */
const CLOSING_SEEDS = 2 ** 32;

/**
 * Frames from nothing but noise, or from one picture, by a model without conditions; rgb24, made as
 * fast as they are taken.
 *
 * A loop is made of `frames` + B generated frames (B: `loopFrames`). The first B are the lead-in and
 * only kept. The rest is the loop; each of its last B frames is drawn towards the lead-in frame that
 * stood at that place, by what is left of the way over the steps that are left, and goes back into
 * the generator as history, so that the generator itself carries the blended scene on. The frame
 * after the lead-in, which is the loop's first, then follows the loop's last as it followed the
 * lead-in's.
 *
 * @throws FrameloomError bad-option for a model that needs conditions, fewer frames than one, or a
 *   loop of too few; the stream errors with what the synthesizer throws
 */
export function sampleFrames(model: AnyModel, options: SampleOptions): Observable<Frame> {
  const { frames, fps, firstFrame } = options;
  if (model.layout.kind !== 'none') {
    throw new FrameloomError(
      'bad-option',
      `this model makes each frame from a ${model.layout.kind} condition and cannot sample without`,
      { hint: 'use frameloom generate with a video, or train with data.condition: none' },
    );
  }
  if (!Number.isSafeInteger(frames) || frames < 1) {
    throw new FrameloomError('bad-option', `${frames} is not a number of frames from 1`);
  }
  const closing =
    options.loop === undefined
      ? 0
      : loopFrames(frames, options.loop === 'auto' ? undefined : options.loop);
  const { width, height } = dataOf(model).size;
  const seed = options.seed ?? model.seed;
  const { historyFrames } = memoryOf(model);
  // Nobody plays: a world that is told what is done goes on as it was seen to.
  const told = model.layout.actions ? { actions: null } : {};
  return new Observable<Frame>((subscriber) => {
    const lent = options.synthesizer;
    lent?.reset(seed);
    let own: Promise<Synthesizer> | undefined;
    const leadIn: Uint8Array[] = [];
    /** The last frames that stand, oldest first. */
    let past: Uint8Array[] = [];
    if (firstFrame) past = Array.from({ length: historyFrames }, () => firstFrame);
    const make = async (step: number): Promise<Uint8Array> => {
      const synthesizer = lent ?? (await (own ??= createSynthesizer(model, { seed })));
      if (step === 0 && firstFrame) {
        synthesizer.start(past, null);
        return firstFrame;
      }
      const k = step - frames;
      if (closing === 0 || k < 0) return synthesizer.next(null, told);
      synthesizer.reset(seed + (k + 1) * CLOSING_SEEDS);
      synthesizer.start(past, null);
      return blend(await synthesizer.next(null, told), leadIn[k]!, closingShare(k, closing));
    };
    subscriber.add(
      range(0, frames + closing)
        .pipe(
          mapFrames(async (step: number): Promise<Frame> => {
            const data = await make(step);
            past = [...past, data].slice(-historyFrames);
            if (step < closing) leadIn.push(data);
            const index = step - closing;
            const timeSeconds = index / rationalToNumber(fps);
            return { index, timeSeconds, width, height, fps, pixelFormat: 'rgb24', data };
          }),
          filter(({ index }) => index >= 0),
        )
        .subscribe(subscriber),
    );
    subscriber.add(() => {
      // What it could not be opened for was told downstream.
      own?.then(
        (synthesizer) => synthesizer.dispose(),
        () => undefined,
      );
    });
  });
}
