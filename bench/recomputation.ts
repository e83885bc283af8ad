/**
 * What does gradient checkpointing cost in time? A training step with every frame recomputed by the
 * same step without, on both sides, by turns.
 */
import { eagerRunner, graphRunner } from '../src/backend/graph/index.js';
import { useBackend } from '../src/backend/index.js';
import { registerKernels } from '../src/kernels/index.js';
import { say } from './support/files.js';
import { alternate, ratios, type Side } from './support/rounds.js';
import { networkOf, sizeText, type Context } from './support/settings.js';
import { spreadOf, spreadText, table } from './support/statistics.js';
import { everyFrame, openSubject } from './support/subject.js';

export async function recomputation(context: Context) {
  await useBackend();
  registerKernels();
  await context.peer();
  const size = context.sizes[0]!;
  const { preset, frames } = context;
  const runner = graphRunner();
  const worker = context.worker();
  const subjects = [runner, eagerRunner].flatMap((own) =>
    [false, true].map((checkpointed) =>
      openSubject({
        ...{ preset, size, frames, runner: own },
        ...(checkpointed && { memory: everyFrame(frames) }),
      }),
    ),
  );
  const peers: Side[] = [];
  for (const checkpointed of [false, true]) {
    const id = `recomputation ${checkpointed ? 'checkpointed' : 'plain'}`;
    const options = { gradient_checkpointing: checkpointed };
    await worker.ask({ do: 'open', id, network: networkOf(preset), options, frames, ...size });
    const run = async (): Promise<number> =>
      (await worker.ask<{ seconds: number }>({ do: 'run', id, what: 'step' })).seconds;
    peers.push({ name: id, run });
  }
  try {
    const timed = await alternate(
      [
        ...subjects.map((subject, i) => ({
          name: String(i),
          run: () => subject.step(),
        })),
        ...peers,
      ],
      context.rounds,
    );
    const sides = ['Frameloom', 'Frameloom op by op', 'PyTorch'].map((name, i) => {
      const [plain, checkpointed] = [timed[2 * i]!, timed[2 * i + 1]!];
      return {
        name,
        plainSeconds: plain.seconds,
        checkpointedSeconds: checkpointed.seconds,
        ratios: ratios(checkpointed, plain),
      };
    });
    const ms = (seconds: readonly number[]): string => (spreadOf(seconds).median * 1000).toFixed(1);
    say(
      `\nevery frame recomputed, training step, ${sizeText(size)}, T = ${frames}: time by the plain step's`,
    );
    say(
      table([
        ['', 'plain ms', 'checkpointed ms', 'ratio, median (least–most)'],
        ...sides.map((side) => [
          side.name,
          ms(side.plainSeconds),
          ms(side.checkpointedSeconds),
          spreadText(side.ratios),
        ]),
      ]),
    );
    const charts = [
      {
        title: `Every frame recomputed, training step, ${sizeText(size)}, T = ${frames}`,
        unit: "time by the plain step's, median; shorter is better",
        bars: sides.map((side) => {
          const value = spreadOf(side.ratios).median;
          const ours = side.name.startsWith('Frameloom');
          return { name: side.name, value, text: value.toFixed(2), ours };
        }),
      },
    ];
    return { size: sizeText(size), frames, sides, charts };
  } finally {
    for (const subject of subjects) subject.dispose();
    runner.dispose();
    for (const { name } of peers) await worker.ask({ do: 'close', id: name });
  }
}
