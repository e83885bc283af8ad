/**
 * What a program hands to the library, looked at before anything is done with it: programs without types
 * hand in what they like, and an option that nobody knows would be passed over in silence.
 */
import { FrameloomError } from '../base/error.js';
import { nearest } from '../pipeline/nearest.js';
import {
  BACKEND,
  BATCH,
  BATCH_EVENTS,
  DATASET,
  DECODE,
  ENCODE,
  EVALUATE,
  FAITHFULNESS,
  EXPORT,
  GENERATE,
  GENERATE_FRAMES,
  GENERATE_VIDEO,
  LOAD,
  MAP_FRAMES,
  NETWORKS,
  OBEDIENCE,
  CLUSTER,
  JOIN,
  OPEN_DATASET,
  OPEN_MODEL,
  OPEN_ORIGIN,
  OPEN_VIDEO,
  PROBE,
  SAMPLE,
  START_RUN,
  SYNTHESIZER,
  TRAIN,
  WITH_CONDITION,
  type Names,
} from './known-options.js';

/** What is expected of an argument, and whether it is that. */
interface Argument {
  readonly expected: string;
  readonly isIt: (value: unknown) => boolean;
  /** Of options: which there are. */
  readonly names?: Names;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const has = (value: unknown, ...keys: (string | symbol)[]): boolean =>
  isObject(value) && keys.every((key) => key in value);
const isStream = (value: unknown, ...keys: string[]): boolean =>
  has(value, 'on', ...keys) && typeof (value as { readonly on: unknown }).on === 'function';
const isFrames = (value: unknown): boolean =>
  Array.isArray(value) ||
  has(value, Symbol.asyncIterator) ||
  has(value, Symbol.iterator) ||
  (has(value, 'subscribe', 'pipe') && !isStream(value));
const isText = (value: unknown): boolean => typeof value === 'string';

const path: Argument = { expected: 'a path', isIt: isText };
const source: Argument = {
  expected: 'a path or a stream that is read',
  isIt: (value) => isText(value) || isStream(value, 'read'),
};
const target: Argument = {
  expected: 'a path or a stream that is written',
  isIt: (value) => isText(value) || isStream(value, 'write'),
};
const frames: Argument = { expected: 'an iterable or Observable of frames', isIt: isFrames };
const model: Argument = {
  expected: 'a model, as openModel gives it,',
  isIt: (value) => has(value, 'layout', 'open') || has(value, 'layout', 'generator', 'weights'),
};
const trained: Argument = {
  expected: 'a generator with its weights',
  isIt: (value) => has(value, 'generator', 'weights'),
};
const dataset: Argument = {
  expected: 'a data set, as openDataset gives it,',
  isIt: (value) => has(value, 'heldOut'),
};
const jobs: Argument = {
  expected: 'a list of jobs, as planBatch gives it,',
  isIt: (value) =>
    Array.isArray(value) && value.every((job) => has(job, 'input', 'output', 'seed')),
};
const pipeline: Argument = {
  expected: 'a pipeline, as loadPipeline gives it,',
  isIt: (value) => has(value, 'data', 'generator', 'training'),
};
const data: Argument = {
  expected: 'the data section of a pipeline',
  isIt: (value) => has(value, 'clips', 'size', 'condition'),
};
const size: Argument = {
  expected: 'a size, with width and height,',
  isIt: (value) => has(value, 'width', 'height'),
};
const rate: Argument = {
  expected: 'a rate, as rational gives it,',
  isIt: (value) => has(value, 'num', 'den'),
};
const work: Argument = { expected: 'a function', isIt: (value) => typeof value === 'function' };

const options = (names: Names): Argument => ({
  expected: 'options',
  isIt: (value) => value === undefined || (isObject(value) && !Array.isArray(value)),
  names,
});
/** Options of which some have to be given. */
const settings = (names: Names, ...needed: readonly string[]): Argument => ({
  expected: `options with ${needed.join(' and ')}`,
  isIt: (value) =>
    isObject(value) && needed.every((name) => name in value && value[name] !== undefined),
  names,
});

const CALLS = {
  probe: [path, options(PROBE)],
  openVideo: [source, options(OPEN_VIDEO)],
  readFrames: [source, options(DECODE)],
  decodeFrames: [source, options(DECODE)],
  encodeFrames: [target, options(ENCODE)],
  writeFrames: [frames, target, options(ENCODE)],
  fromFrames: [frames],
  iterateFrames: [frames],
  teeFrames: [frames],
  mapFrames: [work, options(MAP_FRAMES)],
  openModel: [path, options(OPEN_MODEL)],
  openOrigin: [path, options(OPEN_ORIGIN)],
  createSynthesizer: [model, options(SYNTHESIZER)],
  generate: [model, source, options(GENERATE)],
  generateVideo: [model, settings(GENERATE_VIDEO, 'input', 'output')],
  generateFrames: [model, options(GENERATE_FRAMES)],
  withCondition: [model, rate, options(WITH_CONDITION)],
  sample: [model, settings(SAMPLE, 'frames', 'fps')],
  sampleFrames: [model, settings(SAMPLE, 'frames', 'fps')],
  runBatch: [model, jobs, options(BATCH)],
  batchEvents: [model, jobs, options(BATCH_EVENTS)],
  generateDataset: [model, settings(DATASET, 'inputs', 'folder')],
  exportGenerator: [trained, path, options(EXPORT)],
  useBackend: [options(BACKEND)],
  loadPipeline: [path, options(LOAD)],
  parsePipeline: [{ ...path, expected: 'a text' }, path, options(LOAD)],
  openRun: [path],
  startRun: [settings(START_RUN, 'name', 'pipelineYaml')],
  openDataset: [data, settings(OPEN_DATASET, 'seed', 'baseFolder')],
  joinGroup: [settings(CLUSTER, 'addresses', 'rank'), options(JOIN)],
  train: [pipeline, settings(TRAIN, 'run', 'baseFolder')],
  openFaithfulness: [settings(FAITHFULNESS, 'data', 'dataset', 'training', 'frames', 'seed')],
  openObedience: [settings(OBEDIENCE, 'dataset', 'training', 'seed')],
  openNetworks: [settings(NETWORKS), size],
  evaluateHeldOut: [dataset, trained, options(EVALUATE)],
} as const satisfies Readonly<Record<string, readonly Argument[]>>;

export type CheckedCall = keyof typeof CALLS;

/** What was handed in, in a few words. */
function named(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (!isObject(value)) return String(value);
  const { then } = value;
  if (typeof then === 'function') return 'a promise';
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, 5).join(', ')}`;
}

/** @throws FrameloomError bad-option for a name that is none of theirs, and has a value */
function refuseUnknown(call: string, given: object, names: Names, within = ''): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = Object.hasOwn(names, name) ? names[name] : undefined;
    if (known === undefined) {
      const all = Object.keys(names);
      const near = nearest(name, all);
      throw new FrameloomError('bad-option', `${call} knows no option ${within}${name}`, {
        hint: near === undefined ? `there are ${all.join(', ')}` : `did you mean ${within}${near}?`,
      });
    }
    if (known !== true && isObject(value)) {
      refuseUnknown(call, value, known, `${within}${name}.`);
    }
  }
}

/**
 * Looks at the arguments of a call of the library.
 * @throws FrameloomError bad-option for one that is something else than the call takes, and for an option
 *   that it does not know
 */
export function checkCall(call: CheckedCall, ...given: readonly unknown[]): void {
  const takes: readonly Argument[] = CALLS[call];
  takes.forEach(({ expected, isIt, names }, place) => {
    const value = given[place];
    if (!isIt(value)) {
      const isPromise = named(value) === 'a promise';
      throw new FrameloomError(
        'bad-option',
        `${call} needs ${expected} and was given ${named(value)}`.replace(', and', ' and'),
        isPromise ? { hint: 'await it first' } : {},
      );
    }
    if (names && isObject(value)) refuseUnknown(call, value, names);
  });
}

/** A call that looks at what it is given before it does anything. @throws FrameloomError as checkCall */
export const checked = <Call extends (...given: never[]) => unknown>(
  name: CheckedCall,
  call: Call,
): Call =>
  ((...given: Parameters<Call>): unknown => {
    checkCall(name, ...given);
    return call(...given);
  }) as Call;

/** The same of one that promises: it rejects, and never throws. */
export const checkedPromise = <Call extends (...given: never[]) => Promise<unknown>>(
  name: CheckedCall,
  call: Call,
): Call =>
  (async (...given: Parameters<Call>): Promise<unknown> => {
    checkCall(name, ...given);
    return call(...given);
  }) as Call;
