import { randomStream } from '../../../base/random.js';
import type { ExportedInfo } from '../../../export/metadata.js';
import { toldNumbers } from '../../../export/fits.js';
import { feedsFor, type OnnxProgram } from '../../../export/feeds.js';

/**
 * One frame from made-up inputs, the same on every device.
 * @returns CHW in [−1, 1]
 */
export async function probeFrame(
  runtime: OnnxProgram,
  info: Pick<ExportedInfo, 'generator' | 'condition'>,
  { width, height }: { width: number; height: number },
): Promise<Float32Array> {
  const { conditionFrames, historyFrames, noiseChannels, styleChannels = 0 } = info.generator;
  const { Tensor, session } = runtime;
  const random = (name: string, channels: number, rows: number, columns: number) => {
    if (channels === 0) return null;
    const numbers = randomStream(0, 'eval', `probe ${name}`);
    const planes = new Float32Array(channels * rows * columns).map(() => numbers.uniform() * 2 - 1);
    return new Tensor('float32', planes, [1, channels, rows, columns]);
  };
  const outputs = await session.run(
    feedsFor(runtime, {
      condition: random('condition', info.condition.channels * conditionFrames, height, width),
      history: random('history', 3 * historyFrames, height, width),
      noise: random('noise', noiseChannels, height / 4, width / 4),
      style: random('style', styleChannels, 1, 1),
      actions: random('actions', toldNumbers(info.condition) * conditionFrames, 1, 1),
      hasHistory: true,
    }),
    ['frame'],
  );
  return (await outputs.frame!.getData()) as Float32Array;
}
