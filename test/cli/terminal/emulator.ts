import xterm from '@xterm/headless';
import type { Terminal, TerminalListener } from '../../../src/cli/terminal/terminal.js';

/** A terminal that shows what is written to it, as people would see it. */
export interface Emulator extends Terminal {
  /** What is on it, its scrolled part included: a line that was broken at its edge is one. */
  text(): Promise<string[]>;
  resize(columns: number, rows: number): Promise<void>;
  /** The process is stopped, something else writes, and it goes on. */
  continueAfter(text: string): Promise<void>;
  /** The process ends. */
  end(): void;
}

export function emulator(columns = 60, rows = 12): Emulator {
  const screen = new xterm.Terminal({
    ...{ cols: columns, rows, scrollback: 10_000 },
    // As a terminal's driver does.
    convertEol: true,
    allowProposedApi: true,
  });
  let listener: TerminalListener | undefined;
  const settled = (): Promise<void> => new Promise((resolve) => screen.write('', resolve));
  return {
    out: (text) => screen.write(text),
    err: (text) => screen.write(text),
    interactive: true,
    get columns() {
      return screen.cols;
    },
    get rows() {
      return screen.rows;
    },
    watch: (told) => {
      listener = told;
      return () => (listener = undefined);
    },
    resize: async (cols, height) => {
      await settled();
      screen.resize(cols, height);
      listener?.resized();
    },
    continueAfter: async (text) => {
      screen.write(text);
      await settled();
      listener?.continued();
    },
    end: () => listener?.ended(),
    text: async () => {
      await settled();
      const buffer = screen.buffer.active;
      const lines: string[] = [];
      for (let y = 0; y < buffer.length; y += 1) {
        const line = buffer.getLine(y)!;
        const text = line.translateToString(false);
        if (line.isWrapped) lines.push(`${lines.pop() ?? ''}${text}`);
        else lines.push(text);
      }
      return lines.map((line) => line.trimEnd()).filter((line) => line !== '');
    },
  };
}
