import { isTyping } from '../ui/shortcuts.js';
import type { Held } from './mapping.js';

/** Listens to keys and gamepads, and knows what is held down. */
export class Inputs implements Held {
  readonly keys = new Set<string>();
  readonly touched = new Map<string, number>();
  /** Whether a key is for the world now. */
  isFor: (event: KeyboardEvent) => boolean = () => false;
  /** Called when something was pressed or let go. */
  onChange: () => void = () => undefined;
  /** Told of each key and when it was pressed or let go, and of the moment when all are let go. */
  onKey: (code: string, isDown: boolean, atMs: number) => void = () => undefined;
  onRelease: (atMs: number) => void = () => undefined;

  constructor() {
    addEventListener(
      'keydown',
      (event) => {
        if (isTyping(event.target) || event.ctrlKey || event.metaKey || !this.isFor(event)) return;
        event.preventDefault();
        if (!event.repeat) this.onKey(event.code, true, event.timeStamp);
        this.keys.add(event.code);
        this.onChange();
      },
      { capture: true },
    );
    addEventListener('keyup', (event) => {
      if (!this.keys.delete(event.code)) return;
      this.onKey(event.code, false, event.timeStamp);
      this.onChange();
    });
    // A key that is let go in another window is never heard of.
    addEventListener('blur', () => this.release());
    document.addEventListener('visibilitychange', () => this.release());
  }

  get pads(): { buttons: number[]; axes: number[] }[] {
    return navigator
      .getGamepads()
      .flatMap((pad) =>
        pad ? { buttons: pad.buttons.map(({ value }) => value), axes: [...pad.axes] } : [],
      );
  }

  release(): void {
    this.keys.clear();
    this.touched.clear();
    this.onRelease(performance.now());
    this.onChange();
  }
}
