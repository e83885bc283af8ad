/** One filter of a graph, as ffmpeg would make it. */
export interface GraphFilter {
  /** The filter's own name, without the `@instance` that may follow it. */
  readonly name: string;
  /** In the order they are written. */
  readonly options: readonly FilterOption[];
}

/** One option of a filter. */
export interface FilterOption {
  /** Null where only the value is written, and its place says which option it is. */
  readonly key: string | null;
  readonly value: string;
}

/** A text that this reader does not take for a filtergraph; ffmpeg may. */
export class GraphSyntaxError extends Error {
  override readonly name = 'GraphSyntaxError';
}

const BLANK = /[ \n\t\r]/;
const SWS_FLAGS = /^\s*sws_flags=[\w+]*;/;
const FILTER_NAME = /^(\w{1,29})(?:@\w+)?$/;
/** What ffmpeg takes for a key before `=`. Those with a `/` in front are files to read a value from. */
const KEY = /^[ \n\t\r]*([\w\-./]+)[ \n\t\r]*=/;

/** Reads a text from left to right by the rules of ffmpeg's `av_get_token`. */
class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  peek(): string {
    return this.text[this.#at] ?? '';
  }

  get rest(): string {
    return this.text.slice(this.#at);
  }

  skip(characters = 1): void {
    this.#at += characters;
  }

  skipBlanks(): void {
    while (BLANK.test(this.peek())) this.#at += 1;
  }

  /**
   * The text up to one of the ends, one level of quotes and backslashes taken off. Blanks at both
   * sides fall away, but not those that are quoted.
   */
  token(ends: string): string {
    this.skipBlanks();
    let out = '';
    let kept = 0;
    while (this.peek() !== '' && !ends.includes(this.peek())) {
      const character = this.peek();
      this.#at += 1;
      if (character === '\\') {
        // At the end of a graph it would escape what comes to stand behind it.
        if (this.peek() === '') throw new GraphSyntaxError('a backslash at the end');
        out += this.peek();
        this.#at += 1;
        kept = out.length;
      } else if (character === "'") {
        const close = this.text.indexOf("'", this.#at);
        if (close < 0) throw new GraphSyntaxError('a quote that is never closed');
        out += this.text.slice(this.#at, close);
        this.#at = close + 1;
        kept = out.length;
      } else {
        out += character;
      }
    }
    let end = out.length;
    while (end > kept && BLANK.test(out[end - 1] ?? '')) end -= 1;
    return out.slice(0, end);
  }
}

function skipLabels(reader: Reader): void {
  reader.skipBlanks();
  while (reader.peek() === '[') {
    reader.skip();
    if (reader.token(']') === '') throw new GraphSyntaxError('a label without a name');
    if (reader.peek() !== ']') throw new GraphSyntaxError('a label that is never closed');
    reader.skip();
    reader.skipBlanks();
  }
}

/** Takes a filter's arguments apart, which are quoted once more. */
function readOptions(text: string): FilterOption[] {
  const reader = new Reader(text);
  const options: FilterOption[] = [];
  while (reader.peek() !== '') {
    const key = KEY.exec(reader.rest);
    if (key) reader.skip(key[0].length);
    options.push({ key: key?.[1] ?? null, value: reader.token(':') });
    if (reader.peek() === ':') reader.skip();
  }
  return options;
}

function readFilter(reader: Reader): GraphFilter {
  skipLabels(reader);
  const written = reader.token('=,;[');
  const name = FILTER_NAME.exec(written)?.[1];
  if (name === undefined) throw new GraphSyntaxError(`${JSON.stringify(written)} names no filter`);
  let text = '';
  if (reader.peek() === '=') {
    reader.skip();
    text = reader.token('[],;');
  }
  const options = readOptions(text);
  skipLabels(reader);
  return { name, options };
}

/**
 * The filters of a graph, however they are quoted. It takes ffmpeg's syntax: chains by `,`, graphs by
 * `;`, labels, quotes, backslashes, `name@instance`, and `sws_flags=…;` in front. What it is not
 * sure of it refuses.
 * @throws GraphSyntaxError
 */
export function readFiltergraph(graph: string): GraphFilter[] {
  if (graph.includes('\0')) throw new GraphSyntaxError('a character that no graph holds');
  const reader = new Reader(graph);
  reader.skip(SWS_FLAGS.exec(graph)?.[0].length ?? 0);
  const filters: GraphFilter[] = [];
  for (;;) {
    filters.push(readFilter(reader));
    reader.skipBlanks();
    if (reader.peek() === '') return filters;
    if (reader.peek() !== ',' && reader.peek() !== ';') {
      throw new GraphSyntaxError(`${JSON.stringify(reader.peek())} after a filter`);
    }
    reader.skip();
  }
}
