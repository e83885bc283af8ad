import type { Image, NetworkIntervals, NetworkMeasures } from '../../../metrics/index.js';
import type { EvaluationRow } from '../row-makers.js';

/** One moment of a rollout: what each row has made of it, and the real frame. */
export interface RowsFrame {
  readonly made: Readonly<Partial<Record<EvaluationRow, Image>>>;
  readonly real: Image;
  /** As the layout holds it. */
  readonly condition: Uint8Array | null;
}

/** What was found of one row. */
export interface JudgedRow {
  readonly measures: NetworkMeasures;
  readonly intervals: NetworkIntervals;
  /** The LPIPS of each rollout's frames. */
  readonly lpips?: readonly (readonly number[])[];
}

export type JudgedRows = ReadonlyMap<EvaluationRow, JudgedRow>;

/** Looks at the frames of all rows through one network. */
export interface RowsJudge {
  /** Before the first frame of each rollout. */
  begin(): void;
  /** The next moment of a rollout. @throws FrameloomError bad-input where the network fails */
  add(frame: RowsFrame): Promise<void>;
  /** Of all frames so far. @throws as add; cancelled */
  result(): Promise<JudgedRows>;
}

/** The rows of a moment, in order. */
export const rowsOf = ({ made }: RowsFrame): [EvaluationRow, Image][] =>
  Object.entries(made) as [EvaluationRow, Image][];

/** What waits until a network can be shown several at once. */
export interface Batches<Item> {
  add(item: Item): Promise<void>;
  flush(): Promise<void>;
}

/** @param most that are worked on at once */
export function createBatches<Item>(
  most: number,
  work: (items: readonly Item[]) => Promise<void>,
): Batches<Item> {
  let waiting: Item[] = [];
  async function flush(): Promise<void> {
    const items = waiting;
    waiting = [];
    if (items.length > 0) await work(items);
  }
  return {
    async add(item) {
      waiting.push(item);
      if (waiting.length >= most) await flush();
    },
    flush,
  };
}
