import type { Written } from './checksums.js';
import type { Part, Sample } from './parts.js';
import type { Move } from './place.js';

/** A tar file of samples. */
export interface Shard {
  /** Relative to the data set. */
  readonly path: string;
  readonly samples: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** A sequence that is written out to the disk, and not in its place yet. */
export interface FinishedSequence {
  readonly moves: readonly Move[];
  /** The list of hashes. */
  readonly checksums: string;
  readonly parts: Readonly<Partial<Record<Part, Written>>>;
  /** Of tar files. */
  readonly shards: readonly Shard[];
}

/** Writes the samples of one sequence, one after the other. */
export interface SequenceWriter {
  /** Resolves when there is room for the next one. */
  add(sample: Sample): Promise<void>;
  /** Ends it; everything is on the disk. */
  finish(): Promise<FinishedSequence>;
  /** Lets files go, finished or not. Never rejects. */
  close(): Promise<void>;
}
