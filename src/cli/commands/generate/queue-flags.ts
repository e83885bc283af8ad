import { Option, type Command } from 'commander';
import { FrameloomError } from '../../../base/error.js';
import { lengthSeconds } from '../../values.js';
import { refuseIdle } from '../../idle-options.js';

export const PRIORITY_NAMES = ['high', 'normal', 'low'] as const;

export interface QueueFlags {
  queue?: string;
  queueWait?: number;
  priority?: (typeof PRIORITY_NAMES)[number];
  detach?: boolean;
}

/** --queue and --queue-wait, the same for who submits and who works. */
export const addQueueFlag = (command: Command, what: string): Command =>
  command
    .option(
      '--queue <address>',
      `${what}: redis://host:6379, rediss:// by TLS, ?name=NAME for one of several`,
    )
    .option(
      '--queue-wait <time>',
      'how long a queue that cannot be reached is waited for; 5:00 unless given',
      lengthSeconds,
    );

/** --queue and what goes with it, for who submits. */
export const addSubmitFlags = (command: Command): Command =>
  addQueueFlag(command, 'let the workers of a queue make the videos')
    .addOption(
      new Option('--priority <which>', 'of this batch in the queue; normal unless given').choices([
        ...PRIORITY_NAMES,
      ]),
    )
    .option('--detach', 'leave when all is queued; the same command without it follows the batch');

export interface QueuedFlags extends QueueFlags {
  readonly jobs?: number;
  readonly shard?: unknown;
  readonly device?: string;
  readonly threads?: number;
  readonly dryRun?: boolean;
}

/**
 * Refuses what would do nothing, with a queue or without.
 * @throws FrameloomError bad-option
 */
export function refuseIdleQueueFlags(flags: QueuedFlags): void {
  const alone = flags.queue === undefined && 'without --queue';
  const queued = flags.queue !== undefined;
  const worker = queued && 'beside --queue: it is an option of frameloom worker';
  refuseIdle(
    { option: '--queue-wait', given: flags.queueWait, why: alone },
    { option: '--priority', given: flags.priority, why: alone },
    { option: '--detach', given: flags.detach, why: alone || (flags.dryRun && 'beside --dry-run') },
    {
      option: '--jobs',
      given: flags.jobs,
      why: queued && 'beside --queue: workers have --concurrency',
    },
    {
      option: '--shard',
      given: flags.shard,
      why: queued && 'beside --queue, which gives each worker its part',
    },
    { option: '--device', given: flags.device, why: worker },
    { option: '--threads', given: flags.threads, why: worker },
  );
}

/**
 * Objects of a store are read and written by workers.
 * @throws FrameloomError bad-option for one without a queue, or where its disk would be looked at
 */
export function refuseStoresAlone(
  place: string,
  flags: QueueFlags & {
    readonly input?: readonly string[];
    readonly output: string;
    readonly dryRun?: boolean;
  },
): void {
  const found = [place, flags.output, ...(flags.input ?? [])].find((each) =>
    /^s3:\/\//i.test(each),
  );
  if (found === undefined || (flags.queue !== undefined && !flags.dryRun)) return;
  throw new FrameloomError(
    'bad-option',
    `${found} is of a store, which ${flags.dryRun ? '--dry-run cannot look at' : 'workers read and write'}`,
    { hint: flags.dryRun ? 'leave one of them out' : 'say which by --queue redis://…' },
  );
}
