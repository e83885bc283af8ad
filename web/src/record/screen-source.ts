import { messageOf } from '../../../src/base/error.js';
import type { Size } from '../../../src/play/live/services.js';
import { Inputs } from '../input/held.js';
import { rgbOfArea, sizeOf } from '../session/pictures.js';
import { Crop } from '../ui/crop.js';
import { button, el } from '../ui/dom.js';
import { problem } from '../ui/notices.js';
import { ConstantRate } from './constant-rate.js';
import { Pressed } from './pressed.js';
import type { HeldNow, Source, SourceEars } from './source.js';

/** So long a picture may be on its way from the screen to the page. */
const DELAY_MS = 500;
/** How often it is looked at the clock where no picture comes. */
const TICK_MS = 100;

/** A screen, a window or a tab that the browser captures, with the keys that this page is told. */
export class ScreenSource implements Source {
  readonly element: HTMLElement;
  onChange = (): void => undefined;
  onHeld: Source['onHeld'] = () => undefined;
  readonly #inputs = new Inputs();
  readonly #pressed = new Pressed();
  readonly #video = el('video', {
    muted: true,
    playsinline: true,
    'aria-label': 'What is recorded',
  });
  readonly #crop = new Crop(this.#video);
  #stream: MediaStream | null = null;
  #shown = 0;
  /** Frames since the last picture that show it. */
  #repeated = 0;
  #take: {
    readonly size: Size;
    readonly frames: ConstantRate<Uint8Array>;
    readonly ears: SourceEars;
    readonly timer: ReturnType<typeof setInterval>;
  } | null = null;

  /** @param isMapped whether a key moves a column, and so is not the page's own */
  constructor(isMapped: (code: string) => boolean) {
    this.#video.muted = true;
    this.#inputs.isFor = ({ code }) => this.#stream !== null && isMapped(code);
    this.#inputs.onKey = (code, isDown, atMs) => this.#pressed.note(code, isDown, atMs);
    this.#inputs.onRelease = (atMs) => this.#pressed.release(atMs);
    this.#inputs.onChange = () => this.onHeld(this.#heldNow());
    this.#video.addEventListener('resize', () => this.onChange());
    const choose = button({
      icon: 'screen',
      label: 'Choose a screen, a window or a tab',
      showLabel: true,
      class: 'main-choice',
      onClick: () => void this.#choose(),
    });
    const whole = button({
      label: 'The whole picture',
      class: 'small',
      onClick: () => this.#crop.clear(),
    });
    this.element = el(
      'div',
      { class: 'captured' },
      el('div', { class: 'source-picture' }, this.#video, this.#crop.element),
      el(
        'div',
        { class: 'row' },
        choose,
        whole,
        el('p', { class: 'about' }, 'Drag over the picture to record a part of it.'),
      ),
    );
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#end('this page was hidden, and gets no pictures then');
    });
    this.#poll();
  }

  get size(): Size | null {
    if (!this.#stream || this.#video.videoWidth === 0) return null;
    const whole = sizeOf(this.#video);
    return this.#crop.areaOf(whole) ?? whole;
  }

  start({ width, height, fps }: Size & { readonly fps: number }, ears: SourceEars): void {
    this.#crop.isFixed = true;
    const beganMs = performance.now();
    // What was pressed before is no part of it.
    this.#pressed.upTo(beganMs);
    this.#repeated = 0;
    const frames = new ConstantRate<Uint8Array>(fps, beganMs, (picture, momentMs) => {
      this.#repeated = picture ? 0 : this.#repeated + 1;
      const held = { keys: this.#pressed.upTo(momentMs), pads: this.#inputs.pads };
      ears.onFrame(picture, held);
    });
    const timer = setInterval(() => frames.settle(performance.now() - DELAY_MS), TICK_MS);
    this.#take = { size: { width, height }, frames, ears, timer };
    frames.put(this.#picture({ width, height }), beganMs);
  }

  stop(): void {
    if (!this.#take) return;
    clearInterval(this.#take.timer);
    this.#take.frames.settle(performance.now());
    this.#take = null;
    this.#crop.isFixed = false;
  }

  #heldNow(): HeldNow {
    return { keys: this.#inputs.keys, pads: this.#inputs.pads };
  }

  #picture({ width, height }: Size): Uint8Array {
    return rgbOfArea(this.#video, this.#crop.areaOf(sizeOf(this.#video)), width, height);
  }

  async #choose(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 60 } },
      });
    } catch (error) {
      return problem({
        message: `there is no picture of a screen: ${messageOf(error)}`,
        hint: 'allow it in the browser’s dialog',
      });
    }
    // What a take has shown is not what is captured from here on.
    this.#end('something else was chosen');
    this.#let();
    this.#stream = stream;
    stream.getVideoTracks()[0]?.addEventListener('ended', () => {
      // Of one that was left for another nobody asks.
      if (this.#stream !== stream) return;
      this.#end('what was captured is shared no more');
      this.#let();
      this.onChange();
    });
    this.#video.srcObject = stream;
    this.#watch(stream);
    try {
      await this.#video.play();
    } catch (error) {
      // Another one was chosen before this one was seen.
      if (this.#stream !== stream) return;
      problem({ message: `the picture cannot be shown: ${messageOf(error)}`, hint: null });
    }
    this.onChange();
  }

  #let(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
    this.#crop.clear();
  }

  #end(why: string): void {
    const ears = this.#take?.ears;
    this.stop();
    ears?.onEnd(why);
  }

  /** Sees each picture of what was chosen, until something else is. */
  #watch(stream: MediaStream): void {
    this.#video.requestVideoFrameCallback((now, facts) => {
      if (this.#stream !== stream) return;
      this.#watch(stream);
      this.#see(now, facts);
    });
  }

  #see(nowMs: number, { captureTime, presentedFrames }: VideoFrameCallbackMetadata): void {
    const missed = presentedFrames - this.#shown - 1;
    this.#shown = presentedFrames;
    if (!this.#take) return;
    // Browsers that do not say when it was captured say when it is shown.
    this.#take.frames.put(this.#picture(this.#take.size), captureTime ?? nowMs);
    // Frames that show an older picture than was there for them; where nothing moved, none was.
    const lost = Math.min(Math.max(0, missed), this.#repeated);
    if (lost > 0) this.#take.ears.onMissed(lost);
    this.#repeated = 0;
  }

  /** Gamepads tell nothing by themselves. */
  #poll(): void {
    requestAnimationFrame(() => {
      if (this.#inputs.pads.length > 0) this.onHeld(this.#heldNow());
      this.#poll();
    });
  }
}
