import type { Held } from '../input/mapping.js';

/** What the tap in a game's page and the recorder that frames it say to each other, by postMessage. */
export type FromTap =
  /** It is there, or its canvas is another: null while it has none. */
  | {
      readonly tap: 'here';
      readonly canvas: { readonly width: number; readonly height: number } | null;
    }
  /** What is held now, for people to see. */
  | { readonly tap: 'held'; readonly keys: readonly string[]; readonly pads: Held['pads'] }
  | TapFrame
  /** Nobody sees the game: it stands still. */
  | { readonly tap: 'hidden' }
  | { readonly tap: 'failed'; readonly message: string };

/** The canvas right after the game has drawn, and what the game had been told by then. */
export interface TapFrame {
  readonly tap: 'frame';
  /** Of the take's constant rate, from 0; one that is left out shows the picture before. */
  readonly index: number;
  /** Codes of keys that were held when the game drew this frame or one since the last that was taken, or pressed between. */
  readonly keys: readonly string[];
  readonly pads: Held['pads'];
  /** rgb24. */
  readonly pixels: ArrayBuffer;
}

export type ToTap =
  | { readonly tap: 'start'; readonly fps: number; readonly width: number; readonly height: number }
  | { readonly tap: 'stop' };
