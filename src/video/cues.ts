/** Something that is there for a while. */
export interface Span {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

export interface Cue extends Span {
  readonly text: string;
}

export interface Chapter extends Span {
  readonly title: string;
}

/** Spans on a clock that begins at `begin`, cut at its zero and at `end`; those outside are gone. */
export function shiftSpans<S extends Span>(
  spans: readonly S[],
  begin: number,
  end = Infinity,
): S[] {
  return spans
    .map((span) => ({
      ...span,
      startSeconds: Math.max(0, span.startSeconds - begin),
      endSeconds: Math.min(end, span.endSeconds - begin),
    }))
    .filter(({ startSeconds, endSeconds }) => endSeconds > startSeconds);
}

const TIMES = /(\d+):(\d\d):(\d\d)[,.](\d{3})\s*-->\s*(\d+):(\d\d):(\d\d)[,.](\d{3})/;

/** Reads SubRip. A text may hold empty lines; it ends where the next number and times stand. */
export function readCues(text: string): Cue[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const starts = lines.flatMap((line, i) => (TIMES.test(line) ? [i] : []));
  return starts.map((at, k) => {
    const next = starts[k + 1];
    const [h = 0, m = 0, s = 0, ms = 0, h2 = 0, m2 = 0, s2 = 0, ms2 = 0] = (
      TIMES.exec(lines[at] ?? '') ?? []
    )
      .slice(1)
      .map(Number);
    return {
      startSeconds: h * 3600 + m * 60 + s + ms / 1000,
      endSeconds: h2 * 3600 + m2 * 60 + s2 + ms2 / 1000,
      // Before the next times stands their number.
      text: lines
        .slice(at + 1, next === undefined ? undefined : next - 1)
        .join('\n')
        .trimEnd(),
    };
  });
}

function clock(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const part = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const [h, m, s] = [
    Math.floor(ms / 3_600_000),
    Math.floor(ms / 60_000) % 60,
    Math.floor(ms / 1000) % 60,
  ];
  return `${part(h, 2)}:${part(m, 2)}:${part(s, 2)},${part(ms % 1000, 3)}`;
}

/** Writes SubRip. */
export const formatCues = (cues: readonly Cue[]): string =>
  cues
    .map(
      ({ startSeconds, endSeconds, text }, i) =>
        `${i + 1}\n${clock(startSeconds)} --> ${clock(endSeconds)}\n${text}\n\n`,
    )
    .join('');

const escaped = (text: string): string => text.replaceAll(/[=;#\\\n]/g, (sign) => `\\${sign}`);

/** ffmpeg's own text of tags and chapters. */
export function metadataText(
  tags: Readonly<Record<string, string>>,
  chapters: readonly Chapter[],
): string {
  const named = Object.entries(tags).map(([name, value]) => `${escaped(name)}=${escaped(value)}\n`);
  const parts = chapters.map(
    ({ startSeconds, endSeconds, title }) =>
      `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${Math.round(startSeconds * 1000)}\nEND=${Math.round(endSeconds * 1000)}\ntitle=${escaped(title)}\n`,
  );
  return `;FFMETADATA1\n${named.join('')}${parts.join('')}`;
}
