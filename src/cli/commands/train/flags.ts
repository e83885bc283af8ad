import type { Command } from 'commander';
import { collect, type Register } from '../../command.js';
import type { TrainFlags } from './train-flags.js';
import { isPipelineWord, takePipeline } from '../../taken-word.js';
import { addSkipFlag, settingsOf } from '../../input/skip-broken.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { countingNumber, positiveNumber, snapshotChoice, wholeNumber } from '../../values.js';

/** `frameloom train` */
export const registerTrain: Register = (program, run) => {
  const command = program
    .command('train')
    .description('train a pipeline; Ctrl-C saves a snapshot that --resume goes on from')
    .argument(
      '[pipeline]',
      'file of the pipeline, or the name of one that comes along; not needed beside --resume --run',
    )
    .option('--clip <path...>', 'clips instead of the pipeline’s own')
    .option(
      '--keyframes <folder>',
      'painted frames of the clip, each named by its frame (000120.png) or time (12.5s.png): the look to learn',
    )
    .option('--run <folder>', 'the run’s folder; the next number in runs/ unless given')
    .option('--set <key=value>', 'change a key of the pipeline; may be repeated', collect)
    .option('--max-minutes <minutes>', 'stop after that long', positiveNumber)
    .option('--resume', 'go on with --run, or with the newest run of this pipeline')
    .option(
      '--from <run>',
      'start from a trained run, an exported .onnx file, or street-outlines, which comes along, in a new run of its own',
    )
    .option(
      '--snapshot <which>',
      'with --resume: go back to best or a step, what came after it is kept aside; with --from: which of that run’s',
      snapshotChoice,
    )
    .option(
      '--live',
      'show it in a page while it trains: progress, curves, samples, and the newest snapshot to play with',
    )
    .option(
      '--processes <n>',
      'train in so many processes of this machine, each with training.batch windows of a step, and with a card of its own where there are any',
      countingNumber,
    )
    .option(
      '--cluster <addresses>',
      'train with processes of other machines: host:port of each, joined by commas, the same list for all (TF_CONFIG says it too)',
    )
    .option('--rank <r>', 'with --cluster: which of them this one is, from 0', wholeNumber)
    .option(
      '--max-restarts <n>',
      'with --processes: where one is killed, start all again from the last snapshot, so many times',
      wholeNumber,
    )
    .option(
      '--trust-network',
      'let everybody speak to this process who can reach it: see docs/scale.md',
    )
    .option('--dry-run', 'check the pipeline and its clips, train nothing');
  addBackendFlag(addTrustFlag(addSkipFlag(command)))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom train edges-to-video --clip holiday.mp4 --max-minutes 8
  $ frameloom train edges-to-video --clip holiday.mp4 --max-minutes 1 --from street-outlines
  $ frameloom train mine.yaml --live
  $ frameloom train mine.yaml --processes 2 --max-restarts 3
  $ frameloom train mine.yaml --cluster node1:2222,node2:2222 --rank 0
  $ frameloom train keyframes --clip holiday.mp4 --keyframes painted --max-minutes 8
  $ frameloom train edges-to-video --from runs/00001-edges-to-video --clip other.mp4 --max-minutes 1
  $ frameloom train --resume --run runs/00001-edges-to-video
  $ frameloom train --resume --run runs/00001-edges-to-video --snapshot best`,
    )
    .action((path: string | undefined, flags: TrainFlags, self: Command) =>
      run(async (context) => {
        const { runTraining } = await import('./run.js');
        const { clip: values, resume, run: folder } = flags;
        const isNamed = resume && folder !== undefined && !values?.some(isPipelineWord);
        const named = isNamed ? { word: path, values } : takePipeline(path, values);
        const set = settingsOf(flags);
        return runTraining(named.word, { ...flags, set, clip: named.values }, context);
      }, self),
    );
};
