import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { packageRoot } from '../base/own-package.js';
import { nearest } from './nearest.js';

const FOLDER = join(packageRoot, 'pipelines');
const ENDING = '.yaml';

/** The names of the pipelines that come with Frameloom. */
export const shippedPipelines = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .sort();

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
export function pipelineFile(word: string, cwd = process.cwd()): string {
  const isName = /^[a-z][\w-]*$/i.test(word) && !existsSync(resolve(cwd, word));
  return isName ? shippedPipeline(word) : word;
}
