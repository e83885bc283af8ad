import type { InferenceSession } from 'onnxruntime-common';
import { FrameloomError } from '../base/error.js';
import type { ExportedInfo } from './metadata.js';

const CHANNEL_AXIS = 1;
/** Rows and columns of a frame to one of the noise. */
const GENERATOR_MULTIPLE = 4;

/** Numbers that are told of each frame's actions; 0 of none. */
export const toldNumbers = ({ actions = [] }: ExportedInfo['condition']): number =>
  actions.length === 0 ? 0 : actions.length + 1;

/** Inputs of one number for each channel, whatever the size of a frame. */
const ofNoSize = (name: string): boolean => name === 'style' || name === 'actions';

/** Channels of every input that has some, by what the file says of itself. */
function channelsOf({ generator, condition }: Pick<ExportedInfo, 'generator' | 'condition'>) {
  const { historyFrames, conditionFrames, noiseChannels, styleChannels = 0 } = generator;
  return {
    history: 3 * historyFrames,
    condition: condition.channels * conditionFrames,
    noise: noiseChannels,
    style: styleChannels,
    actions: toldNumbers(condition) * conditionFrames,
  };
}

/** Whether its sizes are those that the file says are the only ones. */
function isOfSize(
  [samples, , height, width]: readonly (number | string)[],
  name: string,
  fixed: ExportedInfo['fixed'],
): boolean {
  const sizes = [samples, height, width];
  if (ofNoSize(name) && !(height === 1 && width === 1)) return false;
  if (!fixed) return true;
  if (ofNoSize(name)) return samples === fixed.samples;
  const scale = name === 'noise' ? GENERATOR_MULTIPLE : 1;
  const told = [fixed.samples, fixed.height / scale, fixed.width / scale];
  return sizes.every((size, i) => size === told[i]);
}

/**
 * Holds what a file says of itself against the graph that is in it.
 * @param path names the file in errors
 * @throws FrameloomError bad-input where they are not of one generator, or it makes several frames
 *   at once
 */
export function assertFits(
  session: InferenceSession,
  info: Pick<ExportedInfo, 'generator' | 'condition' | 'fixed'>,
  path: string,
): void {
  const samples = info.fixed?.samples ?? 1;
  if (samples !== 1) {
    throw new FrameloomError('bad-input', `${path} makes ${samples} frames at once`, {
      path,
      hint: 'frames are made one by one here: export the run again without a batch',
    });
  }
  const inputs = new Map(session.inputMetadata.map((input) => [input.name, input]));
  const wrong = Object.entries(channelsOf(info)).find(([name, channels]) => {
    const input = inputs.get(name);
    inputs.delete(name);
    if (!input) return channels !== 0;
    if (!input.isTensor || input.type !== 'float32') return true;
    return input.shape[CHANNEL_AXIS] !== channels || !isOfSize(input.shape, name, info.fixed);
  })?.[0];
  inputs.delete('has_history');
  const outputs = ['frame', ...(info.generator.historyFrames > 0 ? ['next_history'] : [])];
  const output = outputs.find((name) => !session.outputNames.includes(name));
  const name = wrong ?? [...inputs.keys()][0] ?? output;
  if (name === undefined) return;
  throw new FrameloomError(
    'bad-input',
    `${path} holds another generator than it says: ${JSON.stringify(name)} differs`,
    { path, hint: 'export the run again' },
  );
}
