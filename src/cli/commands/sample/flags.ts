import type { Command } from 'commander';
import { FrameloomError } from '../../../base/error.js';
import type { Register } from '../../command.js';
import { USUAL_FRAMES } from '../../defaults.js';
import { addEngineFlags } from '../../engine/flags.js';
import { addOutputFlags } from '../../output/flags.js';
import type { SampleFlags } from './run.js';
import { isModelWord, takeBack } from '../../taken-word.js';
import { countingNumber, frameRate, sheetShape, wholeNumber } from '../../values.js';

type SampleWords = Omit<SampleFlags, 'loop'> & { loop?: true | string };

/** The model, which --loop takes for its number where it stands before it, and the flags. */
function sampleWords(
  place: string | undefined,
  { loop, ...flags }: SampleWords,
): { place: string; flags: SampleFlags } {
  const isNumber = typeof loop !== 'string' || /^\d/.test(loop);
  const { word } = takeBack({
    ...{ word: place, values: typeof loop === 'string' && !isNumber ? [loop] : [] },
    ...{ what: 'run', flag: '--loop', isIt: isModelWord },
  });
  if (loop === undefined) return { place: word, flags };
  if (loop === true || (place === undefined && !isNumber)) {
    return { place: word, flags: { ...flags, loop: true } };
  }
  if (/^[1-9]\d{0,8}$/.test(loop)) return { place: word, flags: { ...flags, loop: Number(loop) } };
  throw new FrameloomError('bad-option', `--loop ${loop} is not a number of frames from 1`);
}

/** `frameloom sample` */
export const registerSample: Register = (program, run) => {
  const command = program
    .command('sample')
    .description('generate from nothing but noise or a picture, by a pipeline without condition')
    .argument('[run]', 'folder of the run, or an exported .onnx file')
    .requiredOption(
      '-o, --output <video>',
      'what to write: .mp4 .webm .mov .mkv .gif .y4m %04d.png, - for a pipe',
    )
    .option('--frames <count>', `frames; ${USUAL_FRAMES} or a full sheet`, countingNumber)
    .option('--seed <number>', 'another seed of the noise', wholeNumber)
    .option('--first-frame <picture>', 'picture or video to begin from')
    .option('--fps <rate>', 'frames per second, as 25; the pipeline’s, or 25', frameRate)
    .option('--loop [frames]', 'close the seam, over so many frames, for endless play')
    .option('--sheet <COLSxROWS>', 'one PNG of all frames, row by row', sheetShape);
  addEngineFlags(addOutputFlags(command))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom sample runs/00001-predict-next --first-frame street.png --frames 120 -o made.mp4
  $ frameloom sample runs/00001-predict-next --seed 7 --loop --sheet 8x4 -o sheet.png`,
    )
    .action((place: string | undefined, given: SampleWords, self: Command) =>
      run(async (context) => {
        const { place: folder, flags } = sampleWords(place, given);
        const { withEarlyStart } = await import('../../engine/early.js');
        return withEarlyStart(folder, flags, async (thread) => {
          const { sampleRun } = await import('./run.js');
          return sampleRun(folder, flags, context, thread);
        });
      }, self),
    );
};
