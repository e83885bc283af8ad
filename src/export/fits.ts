import type { InferenceSession } from 'onnxruntime-common';
import { FrameloomError } from '../base/error.js';
import type { ExportedInfo } from './metadata.js';

const CHANNEL_AXIS = 1;

/** Channels of every input that has some, by what the file says of itself. */
function channelsOf({ generator, condition }: Pick<ExportedInfo, 'generator' | 'condition'>) {
  const { historyFrames, conditionFrames, noiseChannels } = generator;
  return {
    history: 3 * historyFrames,
    condition: condition.channels * conditionFrames,
    noise: noiseChannels,
  };
}

/**
 * Holds what a file says of itself against the graph that is in it.
 * @param path names the file in errors
 * @throws FrameloomError bad-input where they are not of one generator
 */
export function assertFits(
  session: InferenceSession,
  info: Pick<ExportedInfo, 'generator' | 'condition'>,
  path: string,
): void {
  const inputs = new Map(session.inputMetadata.map((input) => [input.name, input]));
  const wrong = Object.entries(channelsOf(info)).find(([name, channels]) => {
    const input = inputs.get(name);
    inputs.delete(name);
    if (!input) return channels !== 0;
    return !input.isTensor || input.type !== 'float32' || input.shape[CHANNEL_AXIS] !== channels;
  })?.[0];
  inputs.delete('has_history');
  const output = ['frame', 'next_history'].find((name) => !session.outputNames.includes(name));
  const name = wrong ?? [...inputs.keys()][0] ?? output;
  if (name === undefined) return;
  throw new FrameloomError(
    'bad-input',
    `${path} holds another generator than it says: ${JSON.stringify(name)} differs`,
    { path, hint: 'export the run again' },
  );
}
