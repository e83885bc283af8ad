import type { Size } from '../../../src/play/live/services.js';
import type { Held } from '../input/mapping.js';

/** What is held, without the page's own buttons. */
export type HeldNow = Pick<Held, 'keys' | 'pads'>;

/** What a take is made of, frame by frame at its constant rate. */
export interface SourceEars {
  /** @param rgb null where the frame shows the picture before */
  onFrame(rgb: Uint8Array | null, held: HeldNow): void;
  /** Pictures that the browser says it left out. */
  onMissed(count: number): void;
  /** The take ends, for a reason in words. */
  onEnd(why: string): void;
}

/** Something that can be recorded. */
export interface Source {
  readonly element: HTMLElement;
  /** Pixels of its picture; null while there is none. */
  readonly size: Size | null;
  /** Called when there is a picture, another one, or none any more. */
  onChange: () => void;
  /** Told what is held now, for people to see. */
  onHeld: (held: HeldNow) => void;
  start(take: Size & { readonly fps: number }, ears: SourceEars): void;
  /** Ends the take: all its frames have been told when this returns. */
  stop(): void;
}
