import { isCall, type RecordedCall, type RecordedNode, type Recording } from './recording.js';

/** As much of a recording as two of the same function have in common. */
export type Recorded = Pick<Recording, 'constants' | 'nodes' | 'outputs'> & {
  /** Of the outputs, in order. */
  readonly names: readonly string[];
};

let checking = process.env.FRAMELOOM_CHECK_GRAPHS === '1';

/**
 * Whether graphs that are known are recorded again now and then and compared, for tests and for whoever
 * writes a new function: also by FRAMELOOM_CHECK_GRAPHS=1. It takes as long as recording does.
 * @returns whether they were before
 */
export function checkGraphs(on: boolean): boolean {
  const before = checking;
  checking = on;
  return before;
}

export const checksGraphs = (): boolean => checking;

/** Whether this is one of the hits that are checked: the first, the second, the fourth, the eighth … */
export const isCheckedHit = (hits: number): boolean => (hits & (hits - 1)) === 0;

/**
 * Compares what a key stands for with what a call of that key would have recorded.
 *
 * @throws Error when they differ: something that decides what is computed is not in the key, and the call
 *   would have got another function's numbers
 */
export function assertSameRecording(key: string, before: Recorded, now: Recorded): void {
  const difference = firstDifference(before, now);
  if (difference === null) return;
  throw new Error(
    `a function's key does not say all that decides what it computes: ${difference} (key "${key}")`,
  );
}

function firstDifference(before: Recorded, now: Recorded): string | null {
  const { nodes, constants, outputs, names } = now;
  const differs = <T>(a: readonly T[], b: readonly T[], text: (item: T) => string): number => {
    const at = b.findIndex((item, i) => i >= a.length || text(a[i]!) !== text(item));
    return at === -1 && a.length > b.length ? b.length : at;
  };
  const constant = differs(before.constants, constants, constantText);
  if (constant !== -1) return `constant ${constant} is another one`;
  const node = differs<RecordedNode | RecordedCall>(before.nodes, nodes, nodeText);
  if (node !== -1) {
    const word = (list: readonly (RecordedNode | RecordedCall)[]): string => {
      const item = list[node];
      return item === undefined ? 'nothing' : isCall(item) ? 'a call' : item.op;
    };
    return `op ${node} was ${word(before.nodes)}, is ${word(nodes)} or reads something else`;
  }
  const output = differs(before.outputs, outputs, ({ edge }) => edge);
  if (output !== -1 || names.join() !== before.names.join()) return 'its results are others';
  return null;
}

const constantText = ({ shape, type, bytes }: Recorded['constants'][number]): string =>
  `${type} ${shape.join()} ${Buffer.from(bytes).toString('latin1')}`;

function nodeText(node: RecordedNode | RecordedCall): string {
  if (isCall(node)) return JSON.stringify([node.callee.name, node.inputs, node.after]);
  return JSON.stringify([node.op, node.inputs, node.attributes, node.types]);
}
