import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Group } from '../../backend/group/index.js';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { packageVersion } from '../../base/own-package.js';
import type { Dataset } from '../../clips/index.js';
import type { Environment } from '../environment.js';
import { dataOf } from '../histories.js';
import type { JsonValue } from '../run/json.js';
import type { TrainingPipeline } from '../train-context.js';
import { fromJsonBytes, toJsonBytes } from './first.js';

/** What a process says of itself before the first step. */
interface Said {
  readonly version: string;
  readonly pipeline: JsonValue;
  /** Hash of what its clips are, and of some of their frames. */
  readonly data: string;
  readonly environment: Environment;
  readonly host: string;
  /** Bytes that a step's tensors may take, were it alone on its machine. */
  readonly budgetBytes: number;
}

/** Clips whose first frame is compared. */
const LOOKED_AT = 8;

/** Hash of a data set: its clips by name and length, and the pixels of a frame of some of them. */
async function hashOfData(dataset: Dataset): Promise<string> {
  const hash = createHash('sha256').update(dataOf(dataset));
  const { clips } = dataset.report;
  const every = Math.max(1, Math.ceil(clips.length / LOOKED_AT));
  for (let clip = 0; clip < clips.length; clip += every) {
    const { frames, condition } = await dataset.readFrames(clip, clips[clip]!.train.start, 1);
    hash.update(frames);
    if (condition) hash.update(condition);
  }
  return hash.digest('hex');
}

/** The dotted keys at which two values of JSON differ. */
function differing(a: JsonValue | undefined, b: JsonValue | undefined, path = ''): string[] {
  const isObject = (value: unknown): value is Record<string, JsonValue> =>
    typeof value === 'object' && value !== null;
  if (!isObject(a) || !isObject(b)) return a === b ? [] : [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differing(a[key], b[key], path ? `${path}.${key}` : key));
}

const MOST_NAMED = 4;

/** @throws FrameloomError bad-option, bad-data: in each process, naming the one that differs from the first */
function assertAlike(said: readonly Said[]): void {
  const [first, ...others] = said as [Said, ...Said[]];
  for (const [i, one] of others.entries()) {
    const who = `rank ${i + 1}`;
    if (one.version !== first.version) {
      throw new FrameloomError(
        'bad-option',
        `${who} runs Frameloom ${one.version}, and rank 0 runs ${first.version}`,
        { hint: 'install the same version everywhere' },
      );
    }
    const keys = differing(first.pipeline, one.pipeline);
    if (keys.length > 0) {
      const named = keys.slice(0, MOST_NAMED).join(', ');
      const more = keys.length > MOST_NAMED ? ` and ${keys.length - MOST_NAMED} more` : '';
      throw new FrameloomError(
        'bad-option',
        `${who} has another pipeline than rank 0: ${named}${more}`,
        { hint: 'give all of them the same pipeline, --set and --clip' },
      );
    }
    if (one.data !== first.data) {
      throw new FrameloomError('bad-data', `${who} has other clips than rank 0`, {
        path: 'data.clips',
        hint: 'all of them have to read the same files: the same names, lengths and pixels',
      });
    }
  }
}

/** Processes on other processors round otherwise, and drift apart until a snapshot brings them together again. */
function sayMixed(said: readonly Said[], log: Logger): void {
  const of = ({ environment }: Said): string => JSON.stringify(environment);
  const other = said.findIndex((one) => of(one) !== of(said[0]!));
  if (other < 0) return;
  log.warn(
    `rank ${other} rounds otherwise than rank 0 may (${of(said[other]!)}, not ${of(said[0]!)}): this training cannot be repeated byte for byte elsewhere`,
  );
}

/**
 * Compares the processes of a training before their first step.
 * @param own bytes that a step's tensors may take here, were this process alone on its machine; infinite for no limit
 * @param isShared whether processes on one machine have one memory: cards are a process's own
 * @returns the least memory that any of them has, those on one machine sharing it
 * @throws FrameloomError bad-option, bad-data, peer-lost
 */
export async function compareRanks(
  group: Group,
  own: {
    readonly pipeline: TrainingPipeline;
    readonly dataset: Dataset;
    readonly environment: Environment;
    readonly budgetBytes: number;
    readonly isShared: boolean;
  },
  log: Logger,
): Promise<number> {
  const { pipeline, dataset, environment, budgetBytes, isShared } = own;
  const said: Said = {
    version: packageVersion(),
    pipeline: JSON.parse(JSON.stringify(pipeline)) as JsonValue,
    data: await hashOfData(dataset),
    environment,
    host: isShared ? hostname() : '',
    budgetBytes: Math.min(budgetBytes, Number.MAX_SAFE_INTEGER),
  };
  const gathered = await group.gather(toJsonBytes(said as unknown as JsonValue));
  const all = gathered.map((bytes) => fromJsonBytes(bytes) as unknown as Said);
  assertAlike(all);
  sayMixed(all, log);
  const onHost = (host: string): number => all.filter((one) => one.host === host).length;
  return Math.floor(
    Math.min(
      ...all.map(({ host, budgetBytes: bytes }) => bytes / (host === '' ? 1 : onHost(host))),
    ),
  );
}
