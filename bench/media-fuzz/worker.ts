// A process that judges one damaged file after another, so that one that brings it down is known.
import { judge, type Judgement } from './judge.js';
import { untrainedModel } from './model.js';
import type { Mutant } from './mutate.js';

export interface Task {
  readonly mutant: Mutant;
  readonly folder: string;
  readonly generate: boolean;
}

let model: ReturnType<typeof untrainedModel> | undefined;

process.on('message', (task: Task) => {
  const work = async (): Promise<void> => {
    const { mutant, folder, generate } = task;
    const made = generate ? await (model ??= untrainedModel()) : undefined;
    const judgement: Judgement = await judge(mutant, { folder, model: made });
    process.send?.(judgement);
  };
  // Not caught: it ends the process, as an unhandled rejection of Frameloom's own does.
  void work();
});
process.on('disconnect', () => process.exit());
