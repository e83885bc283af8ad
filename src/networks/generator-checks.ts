import { FrameloomError } from '../base/error.js';
import { IMAGE_CHANNELS } from './generator-blocks.js';
import type { Layer } from './layers.js';
import type { GeneratorOptions } from './options.js';

/** @throws FrameloomError bad-option for what has neither a past nor a condition, or would move a past that it has not */
export function assertDriven(
  { historyFrames, flow, skip, exactCopies }: GeneratorOptions,
  condition: Layer | null,
): void {
  if (exactCopies && !flow) {
    throw new FrameloomError('bad-option', 'a generator without flow copies nothing', {
      hint: 'set generator.flow to true, or leave generator.exactCopies out',
      path: 'generator.exactCopies',
    });
  }
  if (historyFrames > 0) return;
  const hint = 'raise generator.historyFrames';
  if (!condition) {
    throw new FrameloomError(
      'bad-option',
      'a generator without memory makes nothing of no condition',
      { hint: `${hint}, or give data.condition`, path: 'generator.historyFrames' },
    );
  }
  if (skip) {
    throw new FrameloomError(
      'bad-option',
      'a generator without memory has no last frames that the decoder could be shown',
      { hint: `${hint}, or leave generator.skip out`, path: 'generator.skip' },
    );
  }
  if (flow) {
    throw new FrameloomError(
      'bad-option',
      'a generator without memory has no last frame that flow could move',
      { hint: `${hint}, or set generator.flow to false`, path: 'generator.flow' },
    );
  }
}

/**
 * How old the frames are that it sees of its past; null where it sees all.
 * @throws FrameloomError bad-option for ages that are not those of `historyFrames`
 */
export function agesOf({ historyFrames, historyAges }: GeneratorOptions): readonly number[] | null {
  if (!historyAges) return null;
  const oldest = historyAges.at(-1);
  if (oldest === historyFrames) return historyAges;
  throw new FrameloomError(
    'bad-option',
    `the oldest frame that it sees is ${oldest} frames old, and generator.historyFrames is ${historyFrames}`,
    { hint: `set generator.historyFrames to ${oldest}`, path: 'generator.historyAges' },
  );
}

/**
 * Whether what has not changed is the last frame. Of classes a region says nothing of what moves in it.
 * @throws FrameloomError bad-option where it is wanted and there is nothing that would show a change
 */
export function holdsStill(
  { holdStill, flow, historyFrames, conditionFrames }: GeneratorOptions,
  conditionChannels: number,
  actionColumns: number,
): boolean {
  if (actionColumns > 0) {
    if (holdStill !== true) return false;
    throw new FrameloomError('bad-option', 'what is still cannot be held where a key may move it', {
      hint: 'leave generator.holdStill out',
      path: 'generator.holdStill',
    });
  }
  const isPossible = flow && historyFrames >= 2 && conditionFrames >= 2 && conditionChannels > 0;
  if (holdStill === true && !isPossible) {
    throw new FrameloomError(
      'bad-option',
      'what is still is told by two frames of a condition and two of history, beside a flow',
      {
        hint: 'raise generator.conditionFrames and generator.historyFrames to 2, or leave generator.holdStill out',
        path: 'generator.holdStill',
      },
    );
  }
  return holdStill === 'auto' ? isPossible && conditionChannels <= IMAGE_CHANNELS : holdStill;
}

/** @throws FrameloomError bad-option where there is nothing to modulate by, or nothing to be modulated */
export function assertModulated(
  { modulation }: GeneratorOptions,
  conditionChannels: number,
  blocks: number,
): void {
  if (modulation === 'none' || (conditionChannels > 0 && blocks > 0)) return;
  const [lacks, hint] =
    conditionChannels > 0
      ? ['no residual blocks', 'raise generator.residualBlocks']
      : ['no condition', 'give data.condition'];
  throw new FrameloomError(
    'bad-option',
    `residual blocks are modulated by the condition, and there is ${lacks}`,
    { hint: `${hint}, or leave generator.modulation out`, path: 'generator.modulation' },
  );
}
