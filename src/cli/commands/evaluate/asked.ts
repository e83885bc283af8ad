import { resolve } from 'node:path';
import { FrameloomError } from '../../../base/error.js';
import type { Logger } from '../../../base/log.js';
import type { Generator } from '../../../networks/index.js';
import { mayDrift } from '../../../synthesis/evaluate/long-rollout.js';
import { refuseIdle } from '../../idle-options.js';
import { checkFileOutput, checkVideoOutput, modelFiles } from '../../output/check.js';
import type { BackendFlags } from '../../engine/backend-flag.js';
import type { NetworkFiles } from '../../../synthesis/evaluate/networks/networks.js';

/** What the command line says. */
export interface EvaluateFlags extends BackendFlags, NetworkFiles {
  input?: string;
  snapshot?: 'latest' | 'best' | number;
  /** Frames scored of all clips together at the most; all unless given. */
  maxFrames?: number;
  /** Frames of the rollout that slopes are measured over. */
  longFrames?: number;
  strip?: string;
  /** Where a video of all scored frames goes. */
  video?: string;
  /** Where a page with all of it goes. */
  report?: string;
  overwrite?: boolean;
  trustFilters?: boolean;
  json?: boolean;
}

/**
 * Refuses the length of a rollout that is made of none of the runs.
 * @throws FrameloomError bad-option
 */
export function refuseIdleLength(
  { longFrames }: EvaluateFlags,
  generators: readonly Pick<Generator, 'options'>[],
): void {
  refuseIdle({
    ...{ option: '--long-frames', given: longFrames },
    why:
      !generators.some(({ options }) => mayDrift(options)) &&
      'for a generator without memory, which makes each frame by itself',
  });
}

/**
 * Says, before anything is loaded, whether what an evaluation was asked to write may be written.
 * @throws FrameloomError bad-option, exists, disk-full, write-failed
 */
export async function checkOutputs(
  folders: readonly string[],
  flags: Pick<EvaluateFlags, 'strip' | 'video' | 'report' | 'overwrite' | 'input'> & NetworkFiles,
  log: Logger,
): Promise<void> {
  const { strip, video, report, overwrite, input } = flags;
  const asked = [strip, video, report].filter((path) => path !== undefined);
  if (asked.length === 0) return;
  const twice = asked.find((path, i) =>
    asked.slice(0, i).some((one) => resolve(one) === resolve(path)),
  );
  if (twice !== undefined) {
    throw new FrameloomError('bad-option', `two outputs would be written to ${twice}`, {
      path: twice,
      hint: 'give each a name of its own',
    });
  }
  const reads = [
    ...[input, flags.lpips, flags.features, flags.videoFeatures, flags.segmenter].filter(
      (path) => path !== undefined,
    ),
    ...(await Promise.all(folders.map(modelFiles))).flat(),
  ];
  for (const path of [strip, report]) {
    if (path !== undefined) await checkFileOutput(path, { overwrite, reads });
  }
  if (video === '-') {
    throw new FrameloomError('bad-option', '--video names a file: standard output has the table');
  }
  if (video !== undefined) await checkVideoOutput(video, { overwrite, reads, log });
}
