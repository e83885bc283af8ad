import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { packageRoot } from '../base/own-package.js';
import { nearest } from './nearest.js';

const FOLDER = join(packageRoot, 'pipelines');
const ENDING = '.yaml';
const SAMPLES = join(packageRoot, 'samples');
const EXPORTED = '.onnx';

const namesIn = (folder: string, ending: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();

/** The names of the pipelines that come with Frameloom. */
export const shippedPipelines = (): string[] => namesIn(FOLDER, ENDING);

/** The names of the trained generators that come with Frameloom, for new trainings to start from. */
export const shippedGenerators = (): string[] => namesIn(SAMPLES, EXPORTED);

/**
 * The file of a pipeline that comes along.
 * @throws FrameloomError not-found, with the names of those that do
 */
export function shippedPipeline(name: string): string {
  const names = shippedPipelines();
  if (names.includes(name)) return join(FOLDER, `${name}${ENDING}`);
  const guess = nearest(name, names);
  throw new FrameloomError('not-found', `no pipeline is called ${name}`, {
    hint: `${guess === undefined ? '' : `did you mean ${guess}? `}these come along: ${names.join(', ')}; a file of your own is named with its ending`,
  });
}

/**
 * The file that a word of the command line names: a path, or the name of a pipeline that comes along
 * where no file is called that.
 * @throws FrameloomError not-found where it is neither a path nor such a name
 */
export const pipelineFile = (word: string, cwd = process.cwd()): string =>
  isName(word, cwd) ? shippedPipeline(word) : word;

const isName = (word: string, cwd: string): boolean =>
  /^[a-z][\w-]*$/i.test(word) && !existsSync(resolve(cwd, word));

/**
 * The path that a word after `--from` names: of a run or an exported file, or of a generator that comes along, by its
 * name, where nothing is called that.
 * @throws FrameloomError not-found where it is neither a path nor such a name
 */
export function originPlace(word: string, cwd = process.cwd()): string {
  if (!isName(word, cwd)) return word;
  const names = shippedGenerators();
  if (names.includes(word)) return join(SAMPLES, `${word}${EXPORTED}`);
  throw new FrameloomError('not-found', `${word} does not exist`, {
    path: word,
    hint: `a run is a folder that \`frameloom train\` made, such as runs/00001-edges-to-video; generators that come along: ${names.join(', ')}`,
  });
}
