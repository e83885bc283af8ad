import { realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, isAbsolute, sep } from 'node:path';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { fillOutput, type BatchJob } from '../batch/template.js';
import { placeKey } from '../batch/overlap.js';

/** One sequence of a data set: an input with a seed. */
export interface SequenceJob extends BatchJob {
  readonly name: string;
}

/**
 * What a sequence is called: a folder, a part of tar files' names, and of a sample's key, which ends at its
 * first dot. Letters and digits of any writing stay, what some reader or disk could take for more does not.
 */
const asName = (text: string): string =>
  text.normalize('NFC').replaceAll(/[^\p{L}\p{M}\p{N}_-]/gu, '_');

const hint = (): string =>
  `name sequences with ${asGiven('--sequence-names', 'sequenceNames')}, such as {parent}-{name} or {index}-{name}-{seed}`;

/**
 * Every input with every seed.
 * @param options `names` is a template of {name}, {parent}, {seed} and {index}; {name} unless given, with
 *   the seed where there are several
 * @throws FrameloomError bad-option where two would have one name
 */
export function planSequences(options: {
  readonly inputs: readonly string[];
  readonly seeds: readonly number[];
  readonly folder: string;
  readonly names?: string | undefined;
}): SequenceJob[] {
  const { inputs, seeds, folder } = options;
  const template = options.names ?? (seeds.length > 1 ? '{name}-{seed}' : '{name}');
  if (/[\\/]/.test(template)) {
    throw new FrameloomError(
      'bad-option',
      `${template} is a path, and a sequence has a name only`,
      {
        hint: hint(),
      },
    );
  }
  const taken = new Map<string, SequenceJob>();
  return inputs.flatMap((input, i) =>
    seeds.map((seed) => {
      const half = { index: i + 1, input, seed };
      const name = asName(fillOutput(template, half));
      const job = { ...half, name, output: join(folder, name) };
      const other = taken.get(placeKey(name));
      if (other) {
        throw new FrameloomError(
          'bad-option',
          `${other.input} with the seed ${other.seed} and ${input} with the seed ${seed} would both be the sequence ${name}`,
          { path: input, hint: hint() },
        );
      }
      taken.set(placeKey(name), job);
      return job;
    }),
  );
}

/** @throws FrameloomError bad-option where it is no folder, or an input lies in the data set itself */
export async function refuseInside(inputs: readonly string[], folder: string): Promise<void> {
  const facts = await stat(folder).catch(() => undefined);
  if (facts && !facts.isDirectory()) {
    throw new FrameloomError('bad-option', `${folder} is a file, and a data set is a folder`, {
      path: folder,
    });
  }
  const real = async (path: string): Promise<string> => realpath(path).catch(() => resolve(path));
  const home = await real(folder);
  for (const input of inputs) {
    const way = relative(home, await real(input));
    if (isAbsolute(way) || way === '..' || way.startsWith(`..${sep}`)) continue;
    throw new FrameloomError('bad-option', `${input} lies in ${folder}, which is written`, {
      path: input,
      hint: 'write the data set into another folder: what is read is never written over',
    });
  }
}
