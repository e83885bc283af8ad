import type { Logger } from '../base/log.js';
import type { Dataset } from '../clips/index.js';
import type { GeneratorOptions } from '../networks/index.js';
import { FRAMES_OF_A_LOOK } from '../synthesis/models/looks.js';
import type { PlannedStep } from './schedule.js';

/** A planned step that asks for pictures of its windows' looks, where the generator is told one. */
export const withLooks = (
  planned: PlannedStep,
  { styleChannels }: Pick<GeneratorOptions, 'styleChannels'>,
): PlannedStep =>
  styleChannels === 0 ? planned : { ...planned, request: { ...planned.request, withLooks: true } };

/** Says what looks are told apart by, and where there are none to tell apart. */
export function sayStyles(
  { styleChannels }: Pick<GeneratorOptions, 'styleChannels'>,
  { report: { clips } }: Pick<Dataset, 'report'>,
  log: Logger,
): void {
  if (styleChannels === 0) return;
  if (clips.length === 1) {
    log.warn(
      'there is one clip to train on: generator.styleChannels tells apart what changes within it, and costs more than it says where nothing does',
    );
    return;
  }
  log.info(
    `the look of each of ${clips.length} clips is told by ${styleChannels} numbers: what is generated on the way has its clip's own, of ${FRAMES_OF_A_LOOK} frames of it to train on`,
  );
}
