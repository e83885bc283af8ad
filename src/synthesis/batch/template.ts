import { createHash } from 'node:crypto';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { FrameloomError } from '../../base/error.js';
import { nameOfClip, parentOfClip } from '../../clips/clip-name.js';
import { numberParts } from '../../video/sequence.js';
import { findOverlap, placeKey } from './overlap.js';

/** One video to make. */
export interface BatchJob {
  /** Counts the inputs from 1, in the order given. */
  readonly index: number;
  readonly input: string;
  readonly output: string;
  readonly seed: number;
  /** Of the template: all outputs lie in or below it, and their manifest in it. */
  readonly folder?: string | undefined;
  /** What the manifest calls the input, where it is read from another place; its path unless given. */
  readonly inputName?: string | undefined;
}

const KEYS = ['name', 'seed', 'index', 'parent'] as const;
const PLACEHOLDER = /\{([^{}]*)\}/g;
const HINT = `use ${KEYS.map((key) => `{${key}}`).join(', ')}`;

/** Whether a path of an output stands for several. */
export const isTemplate = (output: string): boolean => /[{}]/.test(output);

/**
 * Fills {name} (of the input, without folder and extension), {parent} (of the folder around it),
 * {seed} and {index} of a template.
 * @throws FrameloomError bad-option for another key, a brace without its other one, or an input whose
 *   name would lead out of the template's folder or be taken for a number
 */
export function fillOutput(template: string, job: Omit<BatchJob, 'output' | 'folder'>): string {
  const values: Record<(typeof KEYS)[number], string> = {
    name: nameOfClip(job.input),
    parent: parentOfClip(job.input),
    seed: String(job.seed),
    index: String(job.index),
  };
  if (/[{}]/.test(template.replaceAll(PLACEHOLDER, ''))) {
    throw new FrameloomError('bad-option', `${template} has a brace without its other one`, {
      hint: HINT,
    });
  }
  const fill = (change: (value: string) => string): string =>
    template.replaceAll(PLACEHOLDER, (_, key: string) => {
      if (Object.hasOwn(values, key)) return change(values[key as (typeof KEYS)[number]]);
      throw new FrameloomError('bad-option', `{${key}} means nothing in ${template}`, {
        hint: HINT,
      });
    });
  const refuse = (why: string): never => {
    throw new FrameloomError('bad-option', `${job.input} cannot name an output: ${why}`, {
      path: job.input,
      hint: 'rename it, or use {index} instead of {name}',
    });
  };
  const output = fill((value) => {
    const why = unusable(value);
    return why === undefined ? value : refuse(why);
  });
  // Only the template says where the number of a picture goes: `50%d` is a name.
  const masked = fill((value) => value.replaceAll('%', '_'));
  if (numberParts(output)?.before.length !== numberParts(masked)?.before.length) {
    refuse(`"${values.name}" would be taken for the number of a picture`);
  }
  const way = relative(resolve(outputFolder(template)), resolve(output));
  if (way === '' || isAbsolute(way) || way.split(sep)[0] === '..') {
    throw new FrameloomError('bad-option', `${output} does not lie in ${outputFolder(template)}`, {
      path: output,
      hint: 'nothing may lead upwards behind a placeholder',
    });
  }
  return output;
}

/** Whether what an input is called can be a part of a name. */
function unusable(value: string): string | undefined {
  if (value === '') return 'its name is empty';
  if (value === '.' || value === '..') return `"${value}" is a folder`;
  if (/[\\/\0]/.test(value)) return `"${value}" leads into another folder`;
  return undefined;
}

/** The folder that all outputs of a template lie in or below: where the manifest goes. */
export function outputFolder(template: string): string {
  // Numbers are only in names: a folder may be called `out 100%d`.
  const number = numberParts(template);
  const numberAt = number
    ? template.length - basename(template).length + number.before.length
    : template.length;
  const fixed = template.slice(0, Math.min(numberAt, template.search(/\{|$/)));
  return fixed.endsWith('/') || fixed.endsWith(sep) ? fixed : dirname(`${fixed}_`);
}

/**
 * Every input with every seed, by the template, before anything is started.
 * @throws FrameloomError bad-option where two would be written to one place (on any disk: some know no
 *   capitals), or one over an input; as fillOutput
 */
export function planBatch(options: {
  readonly inputs: readonly string[];
  readonly seeds: readonly number[];
  readonly template: string;
}): BatchJob[] {
  assertPlan(options);
  const { inputs, seeds, template } = options;
  const sources = new Set(inputs.map((input) => resolve(input)));
  const folder = outputFolder(template);
  const takenBy = new Map<string, BatchJob>();
  const jobs: BatchJob[] = [];
  inputs.forEach((input, i) => {
    for (const seed of seeds) {
      const half = { index: i + 1, input, seed };
      const job = { ...half, output: fillOutput(template, half), folder };
      const place = placeKey(job.output);
      const other = takenBy.get(place);
      if (other) throw collision(job, other, template);
      if (sources.has(resolve(job.output))) {
        throw new FrameloomError('bad-option', `${job.output} is one of the inputs`, {
          path: job.output,
          hint: 'write into another folder',
        });
      }
      takenBy.set(place, job);
      jobs.push(job);
    }
  });
  const [one, two] = findOverlap(jobs) ?? [];
  if (one && two) {
    throw new FrameloomError(
      'bad-option',
      `pictures of ${two.output} would be taken for pictures of ${one.output}`,
      { path: two.output, hint: 'put another character than a digit beside the number' },
    );
  }
  return jobs;
}

/** From programs without types, anything may come. @throws FrameloomError bad-option */
function assertPlan(options: unknown): void {
  const { inputs, seeds, template, ...others } = (options ?? {}) as Record<string, unknown>;
  const wrong = [
    ...(Array.isArray(inputs) ? [] : ['inputs, a list of paths']),
    ...(Array.isArray(seeds) ? [] : ['seeds, a list of numbers']),
    ...(typeof template === 'string' ? [] : ['template, a path']),
  ];
  if (wrong.length > 0) {
    throw new FrameloomError('bad-option', `a batch needs ${wrong.join(' and ')}`);
  }
  const [unknown] = Object.keys(others);
  if (unknown === undefined) return;
  throw new FrameloomError('bad-option', `planBatch knows no option ${unknown}`, {
    hint: 'there are inputs, seeds, template',
  });
}

function collision(job: BatchJob, other: BatchJob, template: string): FrameloomError {
  const twoSeeds = job.index === other.index;
  const what = twoSeeds
    ? `${job.input} with the seeds ${other.seed} and ${job.seed}`
    : `${other.input} and ${job.input}`;
  const key = twoSeeds ? '{seed}' : template.includes('{name}') ? '{index}' : '{name}';
  const apart =
    job.output === other.output ? '' : `, which some disks do not tell from ${other.output}`;
  return new FrameloomError(
    'bad-option',
    `${what} would both be written to ${job.output}${apart}`,
    {
      path: job.output,
      hint: `put ${key} into the name of the output`,
    },
  );
}

/** Part `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * Which shard makes an output, 1 to `count`: a function of the output's name as it is written and
 * nothing else, so that machines with other lists, or lists in another order, agree.
 */
export function shardOf(output: string, count: number): number {
  const digest = createHash('sha256').update(output.replaceAll('\\', '/')).digest();
  return (digest.readUInt32BE(0) % count) + 1;
}

/** The jobs of one shard. */
export const jobsOfShard = (jobs: readonly BatchJob[], shard: Shard | undefined): BatchJob[] =>
  jobs.filter(({ output }) => !shard || shardOf(output, shard.count) === shard.index);
