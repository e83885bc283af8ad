import { cpus } from 'node:os';
import { z } from 'zod';
import type { BackendReport } from '../backend/index.js';
import type { Logger } from '../base/log.js';

const environmentSchema = z.object({
  environment: z.record(z.string(), z.union([z.string(), z.number()])),
});

/**
 * What decides, beside the pipeline and its seed, how a training rounds: in the same environment the same
 * pipeline gives the same snapshots, byte for byte.
 */
export type Environment = Readonly<Record<string, string | number>>;

/**
 * @param processor which one it is: kernels are chosen by what it can do
 * @param processes that train together: a mean over more of them is another sum
 */
export function environmentOf(
  { name, libtensorflow, threads, oneDnn, gpus }: BackendReport,
  processor = cpus()[0]?.model.trim() ?? 'unknown',
  processes = 1,
): Environment {
  const onCard = name === 'tensorflow-gpu';
  return {
    backend: name,
    ...(libtensorflow !== undefined && { TensorFlow: libtensorflow }),
    device: onCard ? gpus.map((card) => card.name).join(', ') : processor,
    ...(threads && {
      'threads within an op': threads.intraOp,
      'threads between ops': threads.interOp,
    }),
    ...(oneDnn !== undefined && { oneDNN: oneDnn }),
    ...(processes > 1 && { processes }),
  };
}

/**
 * Says where a training goes on in another environment than its snapshot was made in.
 * @param saved the snapshot's state; of earlier versions, which do not say, nothing is said
 */
export function sayOtherEnvironment(saved: unknown, now: Environment, log: Logger): void {
  const found = environmentSchema.safeParse(saved);
  if (!found.success) return;
  const before = found.data.environment;
  // One alone is not written down.
  const alone = { processes: 1 };
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  const changes = [...keys]
    .map((key) => [key, { ...alone, ...before }[key], { ...alone, ...now }[key]] as const)
    .filter(([, was, is]) => was !== is)
    .map(([key, was, is]) => `${key} was ${was ?? 'none'}, is ${is ?? 'none'}`);
  if (changes.length === 0) return;
  log.warn(
    `going on in another environment, so not bit for bit as the uninterrupted training would have: ${changes.join('; ')}`,
  );
}
