import type { Terminal } from './terminal.js';
import { cutToWidth } from './width.js';

/** Takes away all from the beginning of the cursor's line to the end of the screen. */
const CLEAR = '\r\u001b[J';
const UP = (rows: number): string => (rows === 0 ? '' : `\u001b[${rows}A`);

/**
 * A terminal with lines at its end that change, and text above them that stays. Whatever is written
 * goes through it, so that the changing lines are taken away before and drawn again below; nothing is
 * ever written over but those lines.
 */
export class Screen implements Terminal {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];
  /** Rows from the first of the lines on the screen to the cursor, which stands in the last. */
  #rowsAbove = 0;
  #drawn = false;
  #isHandedOver = false;
  #unwatch: (() => void) | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get interactive(): boolean {
    return this.#terminal.interactive;
  }

  get columns(): number {
    return this.#terminal.columns;
  }

  get rows(): number {
    return this.#terminal.rows ?? 24;
  }

  get colours(): boolean {
    return this.#terminal.colours ?? false;
  }

  out(text: string): void {
    this.#above(() => this.#terminal.out(text));
  }

  err(text: string): void {
    this.#above(() => this.#terminal.err(text));
  }

  /** Another process draws on the same terminal from now on, and says itself what both of them hear. */
  handOver(): void {
    this.#isHandedOver = true;
  }

  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  /** A line of its own, also where the terminal has echoed a `^C` in front of the cursor. */
  interject(line: string): void {
    const begun = this.interactive && !this.#drawn;
    this.err(`${begun ? '\n' : ''}${line}`);
  }

  /** Shows these lines at the end, in place of those before. None takes them away. */
  show(lines: readonly string[]): void {
    this.#clear();
    this.#lines = lines;
    this.#draw();
    if (lines.length > 0) this.#unwatch ??= this.#watch();
    else {
      this.#unwatch?.();
      this.#unwatch = undefined;
    }
  }

  #watch(): () => void {
    return (
      this.#terminal.watch?.({
        resized: () => {
          this.#clear();
          this.#draw();
        },
        // The shell has written since: what was drawn is the past.
        continued: () => {
          this.#drawn = false;
          this.#draw();
        },
        ended: () => this.#clear(),
      }) ?? (() => undefined)
    );
  }

  #above(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#terminal.err(`${UP(this.#rowsAbove)}${CLEAR}`);
  }

  /** Never as wide as the screen: a full row breaks, and what a row is would be the terminal's to say. */
  #draw(): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines
      .slice(0, Math.max(1, this.rows - 1))
      .map((line) => cutToWidth(line, this.columns - 1, 'end'));
    this.#rowsAbove = lines.length - 1;
    this.#drawn = true;
    // At the front, so that an echoed ^C lies in the line and goes with it.
    this.#terminal.err(`${lines.join('\n')}\r`);
  }
}
