import type { Size } from '../../../src/play/live/services.js';
import { el } from '../ui/dom.js';
import type { Source, SourceEars } from './source.js';
import type { FromTap, TapFrame, ToTap } from './tap-messages.js';

/** So long may a game stand still within a take: what is longer is another scene. */
const STILL_SECONDS = 1;

/** A game in a frame of the page, whose own canvas is recorded as it draws it. */
export class GameSource implements Source {
  readonly element: HTMLIFrameElement;
  size: Size | null = null;
  /** Whether the game has loaded the tap. */
  hasTap = false;
  onChange = (): void => undefined;
  onHeld: Source['onHeld'] = () => undefined;
  readonly #origin: string;
  #take: { readonly fps: number; readonly ears: SourceEars; index: number; held: TapFrame } | null =
    null;
  #starting: { readonly fps: number; readonly ears: SourceEars } | null = null;

  constructor(url: string) {
    this.#origin = new URL(url).origin;
    this.element = el('iframe', {
      src: url,
      class: 'game',
      title: 'The game',
      allow: 'gamepad; fullscreen; autoplay',
    });
    addEventListener('message', ({ source, origin, data }: MessageEvent<FromTap | undefined>) => {
      const isOwn = source === this.element.contentWindow && origin === this.#origin;
      if (isOwn && data?.tap !== undefined) this.#hear(data);
    });
  }

  start(take: Size & { readonly fps: number }, ears: SourceEars): void {
    this.#starting = { fps: take.fps, ears };
    this.#say({ tap: 'start', fps: take.fps, width: take.width, height: take.height });
    // The game is played from here on.
    this.element.focus();
  }

  stop(): void {
    this.#say({ tap: 'stop' });
    this.#starting = null;
    this.#take = null;
  }

  #say(message: ToTap): void {
    this.element.contentWindow?.postMessage(message, this.#origin);
  }

  #end(why: string): void {
    const ears = this.#take?.ears ?? this.#starting?.ears;
    this.stop();
    ears?.onEnd(why);
  }

  #hear(message: FromTap): void {
    switch (message.tap) {
      case 'here': {
        const isLoadedAnew = message.canvas === null;
        this.hasTap = true;
        this.size = message.canvas;
        if (isLoadedAnew) this.#end('the game was loaded anew, or has no canvas any more');
        return this.onChange();
      }
      case 'held':
        return this.onHeld({ keys: new Set(message.keys), pads: message.pads });
      case 'hidden':
        return this.#end('the game was hidden, and stands still while nobody sees it');
      case 'failed':
        return this.#end(`the game’s picture cannot be read: ${message.message}`);
      case 'frame':
        return this.#add(message);
    }
  }

  #add(frame: TapFrame): void {
    if (this.#starting) {
      this.#take = { ...this.#starting, index: frame.index - 1, held: frame };
      this.#starting = null;
    }
    const take = this.#take;
    if (!take) return;
    const missing = frame.index - take.index - 1;
    if (missing > STILL_SECONDS * take.fps) {
      return this.#end(`the game stood still for ${(missing / take.fps).toFixed(1)} s`);
    }
    const heldIn = ({ keys, pads }: TapFrame) => ({ keys: new Set(keys), pads });
    // While it drew nothing it was told nothing.
    for (let i = 0; i < missing; i += 1) take.ears.onFrame(null, heldIn(take.held));
    take.ears.onFrame(new Uint8Array(frame.pixels), heldIn(frame));
    take.index = frame.index;
    take.held = frame;
  }
}
