interface KeyEvent {
  readonly code: string;
  readonly isDown: boolean;
  readonly atMs: number;
}

/** Knows which keys were held at moments that are asked about later: pictures come after what they show. */
export class Pressed {
  readonly #held = new Set<string>();
  #events: KeyEvent[] = [];

  /** Takes note of a key that is pressed or let go; in order. */
  note(code: string, isDown: boolean, atMs: number): void {
    this.#events.push({ code, isDown, atMs });
  }

  /** Everything is let go: what is let go in another window is never heard of. */
  release(atMs: number): void {
    const open = new Set(this.#held);
    for (const { code, isDown } of this.#events) {
      if (isDown) open.add(code);
      else open.delete(code);
    }
    for (const code of open) this.note(code, false, atMs);
  }

  /** Keys that are held at a moment, or were pressed since the last one that was asked about. Moments only go forward. */
  upTo(atMs: number): Set<string> {
    const pressed = new Set<string>();
    const later: KeyEvent[] = [];
    for (const event of this.#events) {
      if (event.atMs > atMs) later.push(event);
      else if (event.isDown) {
        this.#held.add(event.code);
        pressed.add(event.code);
      } else this.#held.delete(event.code);
    }
    this.#events = later;
    for (const code of this.#held) pressed.add(code);
    return pressed;
  }
}
