import type { Group } from '../../backend/group/index.js';
import { tensorMemory } from '../../backend/index.js';
import type { Logger } from '../../base/log.js';
import { budgetBytes } from '../../planning/index.js';
import type { Training } from '../session.js';
import { compareRanks } from './alike.js';

/**
 * Compares the processes of a training, and finds the memory that none of them has less of.
 * @throws FrameloomError bad-option, bad-data, peer-lost
 */
export function leastMemory(
  group: Group,
  own: Pick<Training, 'pipeline' | 'dataset' | 'environment'>,
  log: Logger,
): Promise<number> {
  const { gradientCheckpointing, memoryBudget } = own.pipeline.training;
  const isPlanned = gradientCheckpointing === 'auto';
  return compareRanks(
    group,
    {
      ...own,
      budgetBytes: isPlanned ? budgetBytes(memoryBudget, log) : Infinity,
      isShared: memoryBudget === 'auto' && tensorMemory().where === 'machine',
    },
    log,
  );
}
