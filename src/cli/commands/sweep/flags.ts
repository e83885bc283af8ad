import type { Command } from 'commander';
import { collect, type Register } from '../../command.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { addSkipFlag } from '../../input/skip-broken.js';
import { takePipeline } from '../../taken-word.js';
import { countingNumber, positiveNumber, snapshotChoice } from '../../values.js';
import type { SweepFlags } from './run.js';

/** `frameloom sweep` */
export const registerSweep: Register = (program, run) => {
  const command = program
    .command('sweep')
    .description('train a pipeline with several settings, and compare what they learn')
    .argument(
      '[pipeline]',
      'file of the pipeline, or the name of one that comes along; not needed beside --resume',
    )
    .option('--clip <path...>', 'clips instead of the pipeline’s own')
    .option(
      '--set <key=value,value>',
      'values of a key; those of several keys are combined',
      collect,
    )
    .option('--seeds <count>', 'trainings of each setting, to know the spread; 1', countingNumber)
    .option(
      '--minutes <minutes>',
      'of each training; the pipeline’s steps unless given',
      positiveNumber,
    )
    .option(
      '--from <run>',
      'start every training from a trained run, an exported .onnx file, or street-outlines, which comes along',
    )
    .option('--snapshot <which>', 'with --from: which of that run’s; latest', snapshotChoice)
    .option('--processes <count>', 'trainings at once; 1', countingNumber)
    .option('-o, --output <folder>', 'where it all goes; the next number in sweeps/ unless given')
    .option('--resume', 'go on with the sweep in --output, which knows its own settings');
  addBackendFlag(addTrustFlag(addSkipFlag(command)))
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom sweep edges-to-video --clip holiday.mp4 --set losses.frameAdversarial=0.4,1 --minutes 5
  $ frameloom sweep mine.yaml --set generator.preset=tiny,small --set losses.r1=0,1 --seeds 3
  $ frameloom sweep mine.yaml --from runs/00001-mine --clip new.mp4 --set training.optimizer.generatorLearningRate=5e-4,1e-3 --minutes 1
  $ frameloom sweep --resume -o sweeps/00001-mine`,
    )
    .action((path: string | undefined, flags: SweepFlags, self: Command) =>
      run(async (context) => {
        const { runSweep } = await import('./run.js');
        const { clip: values, resume } = flags;
        const named = resume ? { word: path, values } : takePipeline(path, values);
        return runSweep(named.word, { ...flags, clip: named.values }, context);
      }, self),
    );
};
