import { GENERATOR_PRESETS } from '../../src/networks/index.js';
import type { Worker } from './worker.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What all parts of the bench go by. */
export interface Settings {
  readonly sizes: readonly Size[];
  readonly preset: keyof typeof GENERATOR_PRESETS;
  /** T of the speed benches. */
  readonly frames: number;
  readonly rounds: number;
  readonly threads: number;
  readonly quick: boolean;
  /** Memory up to T = 64. */
  readonly full: boolean;
  /** The Python that has PyTorch. */
  readonly python: string;
}

export interface Context extends Settings {
  /** PyTorch's process, started when first asked for. */
  readonly worker: () => Worker;
  /** What PyTorch's process says of itself. */
  readonly peer: () => Promise<Peer>;
}

export interface Peer {
  readonly python: string;
  readonly torch: string;
  readonly threads: number;
  /** A C++ compiler that torch.compile can use; null when there is none. */
  readonly compiler: string | null;
}

export const sizeText = ({ width, height }: Size): string => `${width}x${height}`;

export function parseSize(text: string): Size {
  const found = /^(\d+)x(\d+)$/.exec(text);
  const [width, height] = [Number(found?.[1]), Number(found?.[2])];
  if (!found || width % 4 !== 0 || height % 4 !== 0) {
    throw new Error(`--size ${text}: give WIDTHxHEIGHT, both multiples of 4`);
  }
  return { width, height };
}

/** The networks of a preset as PyTorch's side takes them. */
export function networkOf(preset: Settings['preset']): Readonly<Record<string, number>> {
  const { channels, residualBlocks, branchBlocks } = GENERATOR_PRESETS[preset];
  return { channels, blocks: residualBlocks, branch_blocks: branchBlocks };
}
