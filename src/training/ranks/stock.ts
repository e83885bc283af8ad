import type { Group } from '../../backend/group/index.js';
import type { Evaluation } from '../evaluation.js';
import type { JsonValue } from '../run/json.js';
import { noteSnapshot, type Stock, type StockNotes } from '../take-stock.js';
import { fromFirst } from './first.js';

/**
 * What a training leaves behind is left by the first process alone; the others wait for it, and hear what it has measured.
 * @param own the first one's; null in the others
 * @param notes what all of them remember of it
 */
export function shareStock(group: Group | null, own: Stock | null, notes: StockNotes): Stock {
  if (group === null) return own!;
  const evaluation = async (
    make: (stock: Stock) => Promise<Evaluation | null>,
  ): Promise<Evaluation | null> =>
    (await fromFirst(
      group,
      async () => (await make(own!)) as unknown as JsonValue,
    )) as unknown as Evaluation | null;
  return {
    get reserveMs() {
      return own?.reserveMs ?? 0;
    },
    async take(state, step, due) {
      if (!due.save && !due.sample && !due.evaluate) return null;
      if (own === null) noteSnapshot(notes, step, due);
      return evaluation((stock) => stock.take(state, step, due));
    },
    makeUp: (state, step, due, saved) =>
      evaluation((stock) => stock.makeUp(state, step, due, saved)),
    async finish(state, step, ending) {
      await fromFirst(group, async () => {
        await own!.finish(state, step, ending);
        return null;
      });
    },
  };
}
