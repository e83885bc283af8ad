import { FrameloomError } from '../../base/error.js';

/** One entry of a list. */
export interface ListEntry {
  /** What it may be meant as, the likeliest first; the first that exists is taken. */
  readonly candidates: readonly string[];
  /** Nothing, should no candidate exist: a comment. */
  readonly isComment: boolean;
}

const HEADER = /^ffconcat\s+version\s+[\d.]+\s*$/;
/** Lines of ffmpeg's lists; without its first line they are known by all being of this kind. */
const DIRECTIVE =
  /^\s*(file|duration|inpoint|outpoint|stream|exact_stream_id|file_packet_meta(data)?|option|chapter|stream_(id|meta|codec|extradata))(\s|$)/;

const linesOf = (text: string): string[] =>
  // A carriage return alone ends lines only where nothing else does.
  text
    .split(text.includes('\n') ? /\r?\n/ : '\r')
    // Lists that were joined have a mark in the middle.
    .map((line) => line.replace(/^\ufeff/, ''));

const isEmpty = (line: string): boolean => line.trim() === '';
const isComment = (line: string): boolean => /^\s*#/.test(line);

/** A plain line: as it stands first, since a name may end in a space or begin with a `#`. */
function plainEntry(line: string): ListEntry {
  const trimmed = line.trim();
  const quoted = /^(["'])(.*)\1$/.exec(trimmed)?.[2];
  const candidates =
    quoted === undefined || quoted === '' ? [line, trimmed] : [line, trimmed, quoted];
  return { candidates: [...new Set(candidates)], isComment: isComment(line) };
}

/**
 * The words of a line of ffmpeg's: parted by blanks, '…' takes all as it is, \ the next letter.
 * @returns undefined where a quote is not closed
 */
function wordsOf(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i += 1) {
    const letter = line[i]!;
    if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(i + 1, end);
      i = end;
    } else if (letter === '\\' && i + 1 < line.length) {
      i += 1;
      word = (word ?? '') + line[i]!;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function concatEntry(line: string, number: number, list: string): ListEntry {
  const words = wordsOf(line);
  const [directive, path, ...rest] = words ?? [];
  if (directive === 'file' && path !== undefined && path !== '' && rest.length === 0) {
    const plain = path.replace(/^file:(\/\/(?=\/))?/, '');
    return { candidates: [...new Set([path, plain])], isComment: false };
  }
  const problem =
    directive === 'file'
      ? 'names no file: quote names with blanks in them'
      : `says ${directive ?? 'nothing'}, and a list names whole videos`;
  throw new FrameloomError('bad-option', `line ${number} of ${list} ${problem}`, {
    hint: `only lines such as file 'clip 1.mp4' are understood, not: ${line.trim()}`,
    path: list,
  });
}

/** Whether a text is a list as ffmpeg's concat reads it. */
function isConcat(lines: readonly string[]): boolean {
  const said = lines.filter((line) => !isEmpty(line) && !isComment(line));
  if (HEADER.test(said[0] ?? '')) return true;
  return said.some((line) => /^\s*file\s/.test(line)) && said.every((line) => DIRECTIVE.test(line));
}

/**
 * The entries of a list: one path a line, or ffmpeg's `file '…'` lines.
 * @throws FrameloomError bad-option for a line of ffmpeg's that says more than a file's name
 */
export function listEntries(
  text: string,
  list: string,
): { isConcat: boolean; entries: ListEntry[] } {
  const lines = linesOf(text);
  if (!isConcat(lines)) {
    return { isConcat: false, entries: lines.filter((line) => !isEmpty(line)).map(plainEntry) };
  }
  const entries = lines.flatMap((line, i) =>
    isEmpty(line) || isComment(line) || HEADER.test(line) ? [] : [concatEntry(line, i + 1, list)],
  );
  return { isConcat: true, entries };
}
