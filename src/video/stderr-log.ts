const KEPT_FIRST_LINES = 40;
const KEPT_LAST_LINES = 40;
const KEPT_KINDS = 200;
const LONGEST_LINE = 1000;

const PROGRESS =
  /^(frame|fps|stream_\d+_\d+_q|bitrate|total_size|out_time\w*|dup_frames|drop_frames|speed|progress)=(.*)$/;

/** `[h264 @ 0x55d0] [error] text` → level and `h264: text`; an address is noise to a reader. */
const TAGGED =
  /^(?:\[([^\]@]*?)(?: @ [^\]]*)?\] )?\[(panic|fatal|error|warning|info|verbose|debug)\] (.*)$/;
/** Levels that tell of nothing wrong. */
const CHATTER = new Set(['info', 'verbose', 'debug']);
/** What ffmpeg did with an input, told at its end. */
const INPUT_DONE = /Input stream #\d+:\d+.*\(video\): (\d+) packets read .*?; (\d+) frames decoded/;

export interface StderrLine {
  readonly level: 'error' | 'warning' | 'other';
  readonly text: string;
}

/**
 * What ffmpeg says, in bounded memory: its first and last lines, by level (ffmpeg is started with
 * `-loglevel level+…`), and the counters of `-progress pipe:2`.
 */
export class StderrLog {
  readonly #first: StderrLine[] = [];
  readonly #last: StderrLine[] = [];
  /** One line of each kind of complaint, whatever numbers it names: a flood of one hides no other. */
  readonly #kinds = new Map<string, StderrLine>();
  readonly #progress = new Map<string, string>();
  #readPackets: number | undefined;
  #decodedFrames: number | undefined;
  #rest = '';
  /** The line being read is over-long and its end is thrown away. */
  #skipping = false;

  push(text: string): void {
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      const piece = text.slice(from, end === -1 ? undefined : end);
      if (!this.#skipping) {
        this.#rest += piece.slice(0, LONGEST_LINE - this.#rest.length);
        this.#skipping = this.#rest.length >= LONGEST_LINE;
      }
      if (end === -1) return;
      this.#endLine();
      from = end + 1;
    }
  }

  close(): void {
    this.#endLine();
  }

  #endLine(): void {
    const line = this.#rest.trimEnd();
    this.#rest = '';
    this.#skipping = false;
    if (line === '') return;
    const progress = PROGRESS.exec(line);
    if (progress) {
      this.#progress.set(progress[1] ?? '', (progress[2] ?? '').trim());
      return;
    }
    const tagged = TAGGED.exec(line);
    const done = INPUT_DONE.exec(line);
    if (done) [this.#readPackets, this.#decodedFrames] = [Number(done[1]), Number(done[2])];
    if (tagged && CHATTER.has(tagged[2] ?? '')) return;
    const who = tagged?.[1] === undefined ? '' : `${tagged[1]}: `;
    const entry: StderrLine = tagged
      ? {
          level: tagged[2] === 'warning' ? 'warning' : 'error',
          text: `${who}${tagged[3] ?? ''}`,
        }
      : { level: 'other', text: line };
    const kind = entry.text.replaceAll(/0x[0-9a-f]+|\d+/g, '#');
    if (entry.level !== 'other' && this.#kinds.size < KEPT_KINDS && !this.#kinds.has(kind)) {
      this.#kinds.set(kind, entry);
    }
    if (this.#first.length < KEPT_FIRST_LINES) {
      this.#first.push(entry);
      return;
    }
    this.#last.push(entry);
    if (this.#last.length > KEPT_LAST_LINES) this.#last.shift();
  }

  /** The lines that were kept, oldest first. */
  get lines(): readonly StderrLine[] {
    return [...this.#first, ...this.#last];
  }

  /** Each once. */
  errors(): string[] {
    return this.#ofLevel('error');
  }

  /** Each once. */
  warnings(): string[] {
    return this.#ofLevel('warning');
  }

  #ofLevel(level: StderrLine['level']): string[] {
    const all = [...this.#first, ...this.#kinds.values(), ...this.#last];
    return [...new Set(all.filter((line) => line.level === level).map((line) => line.text))];
  }

  matches(pattern: RegExp): boolean {
    return this.lines.some((line) => pattern.test(line.text));
  }

  /** Packets that it took from its input; undefined when it did not come to say so. */
  get readPackets(): number | undefined {
    return this.#readPackets;
  }

  /** Frames that its decoder gave; undefined when it did not come to say so. */
  get decodedFrames(): number | undefined {
    return this.#decodedFrames;
  }

  /** A counter of ffmpeg's progress report, such as `frame`. */
  progress(name: string): number | undefined {
    const value = Number(this.#progress.get(name));
    return Number.isFinite(value) ? value : undefined;
  }

  /** The few lines that say best what went wrong, as one. */
  excerpt(): string {
    const errors = this.errors();
    const chosen = errors.length > 0 ? errors : this.lines.map((line) => line.text);
    // The first mostly names the cause, the last how it ended.
    const lines = [...new Set(chosen)];
    return (lines.length > 3 ? [lines[0], ...lines.slice(-2)] : lines).join('; ');
  }
}
