/** Told of what happens to a terminal. */
export interface TerminalListener {
  /** Its size has changed. */
  readonly resized: () => void;
  /** The process goes on after having been stopped, as by Ctrl-Z and `fg`. */
  readonly continued: () => void;
  /** The process ends at once, by a second Ctrl-C say. */
  readonly ended: () => void;
}

/** Where a command reads and writes; replaced in tests. */
export interface Terminal {
  /** Results, on standard output. */
  out(text: string): void;
  /** Words about the work, on standard error. */
  err(text: string): void;
  /** What standard output did not take, of a full disk say: then the work is not done. */
  failure?(): Error | undefined;
  /** Whether `err` is a terminal that somebody looks at, which a bar may be drawn on. */
  readonly interactive: boolean;
  readonly columns: number;
  readonly rows?: number;
  /** Whether words on `err` may be coloured. */
  readonly colours?: boolean;
  /** @returns ends it */
  readonly watch?: (listener: TerminalListener) => () => void;
}
