import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { ownCommand } from '../../base/own-command.js';
import { fillTemplate } from '../../clips/pair-clips.js';
import type { Pipeline } from '../../pipeline/schema.js';

/** Enough of a pipeline to say what its run is used for. */
export type RunKind = Pick<Pipeline, 'data'> & {
  readonly training: Pick<Pipeline['training'], 'coldStartFraction'>;
};

/** A path as one would type it, if there is something at it now. */
function typed(path: string | undefined): string | undefined {
  if (path === undefined || statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

/**
 * The commands that use what a run has learned, as they are typed where this process was started. A
 * word in capitals stands for a file of the user's.
 */
export function commandsOf(folder: string, { data, training }: RunKind): string[] {
  const { condition, clips } = data;
  const evaluate = ownCommand('evaluate', folder);
  // A clip of its own shows at once what it does; where it has none that is a file, one is named.
  const [first] = [clips].flat();
  const clip = typed(first);
  if (condition.kind === 'none') {
    const begins = training.coldStartFraction === 0;
    const begin = begins ? ['--first-frame', clip ?? 'PICTURE'] : [];
    return [evaluate, ownCommand('sample', folder, ...begin, '-o', 'sampled.mp4')];
  }
  let input = clip ?? 'VIDEO';
  if (condition.kind === 'paired') {
    const [path] = [condition.path].flat();
    const filled = path !== undefined && clip !== undefined && fillTemplate(path, first!, '');
    input = typed(filled || path) ?? (condition.content === 'labels' ? 'LABELS' : 'CONDITIONS');
  }
  // A folder may hold many.
  const isFolder = statSync(input, { throwIfNoEntry: false })?.isDirectory() === true;
  const output = isFolder ? 'generated/{name}.mp4' : 'generated.mp4';
  return [evaluate, ownCommand('generate', folder, '-i', input, '-o', output)];
}

/** The same as lines at the end of a training. */
export const nextLines = (commands: readonly string[]): string =>
  commands.map((command, i) => `${i === 0 ? 'next: ' : '      '}${command}\n`).join('');
