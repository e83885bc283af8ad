import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { LineCounter, isMap, isScalar, parseDocument, stringify, type Document } from 'yaml';
import { asGiven } from '../base/caller.js';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Origin } from '../training/run/origin.js';
import { adopt, assertAdopted } from './adopt.js';
import { applyOverrides, parseOverride, type Override } from './overrides.js';
import { absolutePaths } from './paths.js';
import { dotted, problemsOf, type Problem } from './problems.js';
import { pipelineSchema, type Pipeline } from './schema.js';
import { pipelineFile, shippedPipelines } from './shipped.js';

export interface LoadOptions {
  /** `training.steps=500`, applied in order. Paths among them are relative to `cwd`. */
  set?: readonly string[];
  /** Clips instead of the file's own, relative to `cwd`. */
  clips?: readonly string[];
  /** The folder of keyframes instead of the file's own, relative to `cwd`. */
  keyframes?: string | undefined;
  /** The process's working folder unless given. */
  cwd?: string;
  /**
   * What is to be trained starts from this: the generator's settings are taken from there where the file has none,
   * and training begins as suits one that is trained already.
   */
  from?: Origin;
}

export interface LoadedPipeline {
  /** Every default filled in, every path absolute. */
  readonly pipeline: Pipeline;
  /** The folder of the file. */
  readonly baseFolder: string;
}

interface Source {
  readonly name: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly overrides: readonly Override[];
}

const startsWith = (path: readonly PropertyKey[], start: readonly PropertyKey[]): boolean =>
  start.every((key, i) => String(path[i]) === String(key));

function lineOf({ document, lines }: Source, problem: Problem): number | undefined {
  let offset: number | undefined;
  if (problem.key !== undefined) {
    const map = problem.path.length === 0 ? document.contents : document.getIn(problem.path, true);
    if (isMap(map)) {
      const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === problem.key);
      if (pair && isScalar(pair.key)) offset = pair.key.range?.[0];
    }
  }
  // What is missing has no line of its own; its nearest enclosing map's is the best there is.
  for (let depth = problem.path.length; offset === undefined && depth > 0; depth -= 1) {
    const node = document.getIn(problem.path.slice(0, depth), true) as
      { range?: [number, number, number] | null } | undefined;
    offset = node?.range?.[0];
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function located(source: Source, problem: Problem): string {
  const full = problem.key === undefined ? problem.path : [...problem.path, problem.key];
  const override = [...source.overrides]
    .reverse()
    .find(({ path }) => startsWith(full, path) || (full.length > 0 && startsWith(path, full)));
  if (override) return `${override.text}: ${problem.message}`;
  const line = lineOf(source, problem);
  return `${source.name}${line === undefined ? ':' : `:${line}`} ${problem.message}`;
}

function parseText(text: string, name: string): { document: Document; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new FrameloomError(
      'bad-pipeline',
      `${name}:${line}:${col} is not YAML: ${error.message}`,
      { path: name, cause: error },
    );
  }
  return { document, lines };
}

/** The document's value. An alias without its anchor is only missed here. */
function plainValue(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new FrameloomError('bad-pipeline', `${name}: ${messageOf(error)}`, {
      path: name,
      hint: 'quote a text that begins with *, which YAML takes for an alias',
      cause: error,
    });
  }
}

/**
 * Reads a pipeline's text ({@link parseAs}).
 * @param path the text's file; relative paths in it are relative to its folder
 * @throws FrameloomError bad-pipeline with every problem, one a line; bad-option for a `--set`, or where the
 *   generator's settings contradict those that it is to start from
 */
export const parsePipeline = (
  text: string,
  path: string,
  options: LoadOptions = {},
): LoadedPipeline => parseAs(text, path, options, false);

/**
 * Reads a pipeline's text. Unknown keys are errors that suggest the right one; each error names its
 * line or the `--set` it came by.
 * @param yields whether the file's own settings of the generator give way to those that it starts from
 */
function parseAs(
  text: string,
  path: string,
  options: LoadOptions,
  yields: boolean,
): LoadedPipeline {
  const cwd = options.cwd ?? process.cwd();
  const file = resolve(cwd, path);
  const shorter = relative(cwd, file);
  const name = shorter.startsWith('..') ? file : shorter;
  const { document, lines } = parseText(text, name);
  const overrides = (options.set ?? []).map(parseOverride);
  const clips = options.clips ?? [];
  if (clips.length > 0) {
    const text = clips.map((clip) => `--clip ${clip === '' ? "''" : clip}`).join(' ');
    overrides.push({ path: ['data', 'clips'], value: clips, text });
  }
  const { keyframes } = options;
  if (keyframes !== undefined) {
    const text = `--keyframes ${keyframes === '' ? "''" : keyframes}`;
    overrides.push({ path: ['data', 'keyframes', 'folder'], value: keyframes, text });
  }
  let raw: unknown = plainValue(document, name) ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    throw new FrameloomError('bad-pipeline', `${name}:1 is not a map of sections`, {
      path: name,
      hint: 'begin with a line such as `data:`; see docs/pipelines.md',
    });
  }
  raw = applyOverrides(withFolder({ name: nameOf(file), ...raw }, options), overrides);
  const { from } = options;
  if (from) raw = adopt(raw as Record<string, unknown>, from, { yields, overrides });
  const parsed = pipelineSchema.safeParse(raw);
  if (!parsed.success) {
    const source = { name, document, lines, overrides };
    const messages = problemsOf(parsed.error, raw).map((problem) => located(source, problem));
    const message = messages.join('\n');
    // What came by --set alone is not the file's fault.
    const blamed = message.includes(name) ? { path: name } : {};
    throw new FrameloomError('bad-pipeline', message, { ...blamed, cause: parsed.error });
  }
  if (from) assertAdopted(parsed.data, from);
  const baseFolder = dirname(file);
  const fromCommandLine = (key: string): boolean =>
    overrides.some(({ path }) => dotted(path).startsWith(key) || key.startsWith(dotted(path)));
  const folderOf = (...keys: string[]): string => (keys.some(fromCommandLine) ? cwd : baseFolder);
  return { pipeline: absolutePaths(parsed.data, folderOf), baseFolder };
}

/** What a folder of the command line is put into: a folder that stands for itself makes room for it. */
function withFolder(raw: Record<string, unknown>, { keyframes }: LoadOptions): unknown {
  const data = raw.data as Record<string, unknown> | null | undefined;
  if (keyframes === undefined || typeof data?.keyframes !== 'string') return raw;
  return { ...raw, data: { ...data, keyframes: {} } };
}

/** A pipeline that does not say what it is called is called as its file, as far as a name can be that. */
function nameOf(file: string): string {
  const name = basename(file, extname(file))
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '');
  return name === '' ? 'pipeline' : name;
}

/**
 * Reads a pipeline: a file, or one that comes along by its name ({@link parsePipeline}).
 * @throws FrameloomError not-found, bad-pipeline; bad-option where it contradicts what it is to start from
 */
export async function loadPipeline(
  path: string,
  options: LoadOptions = {},
): Promise<LoadedPipeline> {
  const file = pipelineFile(path, options.cwd);
  let text: string;
  try {
    text = await readFile(resolve(options.cwd ?? process.cwd(), file), 'utf8');
  } catch (error) {
    throw new FrameloomError('not-found', `cannot read the pipeline ${path}: ${messageOf(error)}`, {
      path,
      hint:
        path === '-'
          ? 'a pipeline is a file, for what it names lies beside it: standard input is not read'
          : `these come along and are known by name: ${shippedPipelines().join(', ')}`,
      cause: error,
    });
  }
  assertOwnKeyframes(text, file, options);
  // What comes along was written for no origin.
  const loaded = parseAs(text, file, options, file !== path);
  const { from } = options;
  if (from)
    await (await import('./begins.js')).assertBegins(from, loaded.pipeline, loaded.baseFolder);
  return loaded;
}

/**
 * Keyframes are of a clip: those of a pipeline's own are of no other.
 * @throws FrameloomError bad-option where another clip is given without its own
 */
function assertOwnKeyframes(text: string, file: string, options: LoadOptions): void {
  const { clips = [], keyframes, set = [] } = options;
  const isGiven = keyframes !== undefined || set.some((one) => one.startsWith('data.keyframes'));
  if (clips.length === 0 || isGiven) return;
  const raw = plainValue(parseText(text, file).document, file) as Record<string, unknown> | null;
  const data = raw?.data as Record<string, unknown> | null | undefined;
  if (data?.keyframes === undefined) return;
  throw new FrameloomError('bad-option', `the keyframes of ${file} are of its own clip`, {
    path: 'data.keyframes',
    hint: `name those of ${clips.join(', ')} ${asGiven('with --keyframes DIR', 'as keyframes')}, or set data.keyframes`,
  });
}

/** A resolved pipeline as the text of a file; reading it gives the same pipeline. */
export const pipelineToYaml = (pipeline: Pipeline): string => stringify(pipeline);
