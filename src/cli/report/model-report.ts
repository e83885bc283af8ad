import type { Size } from '../../networks/index.js';
import type { Model } from '../../training/model.js';
import { formatCount, formatSi, formatTable } from './table.js';

/** How large a network is and what one frame of it costs. */
export interface NetworkCost {
  readonly network: string;
  readonly parameters: number;
  /** Floating-point operations for one frame (twice the multiply-accumulates), forward only. */
  readonly flopsPerFrame: number;
}

/** Parameters and FLOPs of each network at a frame size. */
export function networkCosts(model: Model, size: Size): NetworkCost[] {
  const { generator, discriminators } = model;
  const macs = discriminators.macs(size);
  const sequenceParameters = discriminators.sequences.reduce(
    (sum, { discriminator }) => sum + discriminator.layout.size,
    0,
  );
  return [
    {
      network: 'generator',
      parameters: generator.layout.size,
      flopsPerFrame: 2 * generator.macs(size),
    },
    {
      network: 'frame discriminator',
      parameters: discriminators.layout.size - sequenceParameters,
      flopsPerFrame: 2 * macs.frame,
    },
    {
      network: 'sequence discriminators',
      parameters: sequenceParameters,
      flopsPerFrame: 2 * macs.sequence,
    },
  ];
}

/** The costs as a table. */
export const formatNetworkCosts = (costs: readonly NetworkCost[]): string =>
  formatTable(
    [
      { title: 'network' },
      { title: 'parameters', align: 'right' },
      { title: 'FLOPs a frame', align: 'right' },
    ],
    costs.map(({ network, parameters, flopsPerFrame }) => [
      network,
      formatCount(parameters),
      formatSi(flopsPerFrame),
    ]),
  );
