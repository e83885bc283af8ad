import { z } from 'zod';
import { FrameloomError } from '../../base/error.js';

/** The processes of one training, and which of them this one is. */
export interface Cluster {
  /** `host:port` of each, by rank. */
  readonly addresses: readonly string[];
  readonly rank: number;
}

/** A host by its name, by IPv4, or by IPv6 in brackets. */
const ADDRESS =
  /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)):(?<port>\d{1,5})$/i;

/**
 * @returns undefined where it is no `host:port`
 */
export function parseAddress(
  text: string,
): { readonly host: string; readonly port: number } | undefined {
  const { six, host = six, port } = ADDRESS.exec(text)?.groups ?? {};
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

const LIKE = 'as in node1:2222,node2:2222';

/**
 * A cluster that can be one.
 * @param path what names it, for errors
 * @throws FrameloomError bad-option
 */
export function checkedCluster({ addresses, rank }: Cluster, path = 'cluster'): Cluster {
  const refuse = (why: string, hint: string): FrameloomError =>
    new FrameloomError('bad-option', why, { path, hint });
  const odd = addresses.find((one) => parseAddress(one) === undefined);
  if (odd !== undefined) throw refuse(`"${odd}" is no host:port`, LIKE);
  const twice = addresses.find((one, i) => addresses.indexOf(one) !== i);
  if (twice !== undefined) {
    throw refuse(`${twice} is there twice`, 'each process listens at an address of its own');
  }
  if (!Number.isInteger(rank) || rank < 0 || rank >= addresses.length) {
    throw refuse(
      `there is no rank ${rank} among ${addresses.length} processes`,
      `ranks are 0 to ${addresses.length - 1}`,
    );
  }
  return { addresses, rank };
}

/** What of a TF_CONFIG takes part in training, in the order of ranks. */
const TRAINING_JOBS = ['chief', 'master', 'worker'] as const;

const tfConfigSchema = z.object({
  cluster: z.record(z.string(), z.array(z.string())),
  task: z.object({ type: z.string(), index: z.coerce.number() }),
});

/**
 * The cluster of a `TF_CONFIG`, as Kubeflow and TensorFlow's own launchers write it: the chief first, then the workers.
 * @throws FrameloomError bad-option
 */
export function parseTfConfig(text: string): Cluster {
  const path = 'TF_CONFIG';
  const refuse = (why: string, hint: string): FrameloomError =>
    new FrameloomError('bad-option', why, { path, hint });
  const hint =
    'as in {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}; unset it to train in one process';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new FrameloomError('bad-option', 'TF_CONFIG is no JSON', { path, hint, cause: error });
  }
  const parsed = tfConfigSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw refuse(`TF_CONFIG is not understood at ${where || 'its top'}: ${issue?.message}`, hint);
  }
  const { cluster, task } = parsed.data;
  const jobs = TRAINING_JOBS.filter((job) => (cluster[job]?.length ?? 0) > 0);
  const other = Object.keys(cluster).find(
    (job) => !(TRAINING_JOBS as readonly string[]).includes(job) && cluster[job]!.length > 0,
  );
  if (other !== undefined) {
    throw refuse(
      `there is nothing for a "${other}" to do: all processes train, and the first of them evaluates`,
      'leave it out of the cluster',
    );
  }
  const before = jobs.slice(0, jobs.indexOf(task.type as (typeof jobs)[number]));
  if (!jobs.includes(task.type as (typeof jobs)[number])) {
    throw refuse(`the cluster has no "${task.type}", which this task is`, hint);
  }
  const own = cluster[task.type]!;
  if (!Number.isInteger(task.index) || task.index < 0 || task.index >= own.length) {
    throw refuse(`the cluster has no ${task.type} ${task.index}`, `it has ${own.length}, from 0`);
  }
  const first = before.reduce((sum, job) => sum + cluster[job]!.length, 0);
  const addresses = jobs.flatMap((job) => cluster[job]!);
  return checkedCluster({ addresses, rank: first + task.index }, path);
}

/** @throws FrameloomError bad-option */
export function parseClusterFlags(list: string, rank: number | undefined): Cluster {
  if (rank === undefined) {
    throw new FrameloomError('bad-option', 'which of the cluster this process is is missing', {
      path: '--cluster',
      hint: 'add --rank, 0 for the first',
    });
  }
  const addresses = list.split(',').map((one) => one.trim());
  return checkedCluster({ addresses, rank }, '--cluster');
}

/** The environment's `TF_CONFIG` of several processes, for those that {@link parseTfConfig} gives rank `rank`. */
export const tfConfigOf = ({ addresses, rank }: Cluster): string =>
  JSON.stringify({ cluster: { worker: addresses }, task: { type: 'worker', index: rank } });
