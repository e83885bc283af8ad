import { type Command, Option } from 'commander';
import type { Register } from '../../command.js';
import { addEngineFlags } from '../../engine/flags.js';
import { askedOf, type GenerateWords } from './asked.js';
import { addDatasetFlags } from './dataset-flags.js';
import { addSubmitFlags, refuseIdleQueueFlags } from './queue-flags.js';
import { addOutputFlags } from '../../output/flags.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import {
  countingNumber,
  frameRate,
  lengthSeconds,
  momentSeconds,
  pixelFormatName,
  pixelSize,
  seedList,
  shardChoice,
  startCount,
  wholeNumber,
} from '../../values.js';

/** `frameloom generate` */
export const registerGenerate: Register = (program, run) => {
  const command = program
    .command('generate')
    .description('generate videos, their condition taken from an input by the pipeline’s rule')
    .argument('[run]', 'folder of the run, or an exported .onnx file')
    .option(
      '-i, --input <videos...>',
      'what to take the condition from: videos, globs, folders, - for a pipe',
    )
    .option(
      '-o, --output <video>',
      'what to write: .mp4 .webm .mov .mkv .ts .gif .y4m %05d.png .jpg .webp, - for a pipe; {name} {seed} {index} of many',
    )
    .option('--start-frames <count>', 'real frames of the input to go on from, or none', startCount)
    .option(
      '--actions <file>',
      'CSV file of what is done in each frame; the one beside the input unless given',
    )
    .option('--start <time>', 'begin at the frame shown then, as 12.5 or 1:02:03', momentSeconds)
    .option(
      '--duration <time>',
      'take only so much of the input, as 12.5 or 1:02:03',
      lengthSeconds,
    )
    .option('--seed <number>', 'another seed of the noise', wholeNumber)
    .option(
      '--side-by-side',
      'show condition | generated | the input’s own frames beside each other, labels in their colours',
    )
    .option('--audio', 'carry the input’s sound along')
    .option('--subtitles', 'carry the input’s subtitles along, where they are text')
    .option('--chapters', 'carry the input’s chapters along')
    .option('--metadata', 'carry title, artist and other tags of the input along')
    .option(
      '--segment-frames <count>',
      'frames of a long film that are kept together when it is stopped; 1000 unless given',
      countingNumber,
    )
    .option('--list <file>', 'more inputs, one a line; - reads them from standard input')
    .option('--seeds <list>', 'a video for each seed, as 1..8, 0-5 or 3,5,9', seedList)
    .option('--jobs <count>', 'videos made at once by one model; 1 unless given', countingNumber)
    .option('--shard <i/n>', 'only the i-th of n parts of the batch', shardChoice)
    .option('--dry-run', 'say what would become of each video, and write nothing')
    .option('--pix-fmt <format>', 'the input is raw frames of this pixel format', pixelFormatName)
    .option('--size <WxH>', 'pixels of raw frames', pixelSize)
    .option(
      '--fps <rate>',
      'rate of raw frames or pictures; a video is resampled to it, as 25 or 30000/1001',
      frameRate,
    )
    .addOption(
      new Option(
        '--input-matrix <matrix>',
        'colours of the input, instead of what it says',
      ).choices(['bt601', 'bt709', 'bt2020']),
    )
    .addOption(
      new Option('--input-range <range>', 'range of the input, instead of what it says').choices([
        'limited',
        'full',
      ]),
    )
    .addOption(
      new Option(
        '--on-damage <what>',
        'what a damaged input ends in: warn keeps what was made (of videos the default), error does not',
      ).choices(['warn', 'error']),
    );
  addTrustFlag(addEngineFlags(addOutputFlags(addDatasetFlags(addSubmitFlags(command)))))
    .option('--json', 'print each result as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4 --start-frames 2
  $ frameloom generate runs/00001-edges-to-video -i 'clips/*.mp4' -o 'made/{name}.mp4' --jobs 2
  $ frameloom generate runs/00001-edges-to-video -i 'clips/*.mp4' -o 'made/{name}.mp4' --queue redis://queue.local
  $ frameloom generate runs/00001-edges-to-video -i 'clips/*.mp4' --dataset made
  $ ffmpeg -i other.mp4 -c:v rawvideo -f matroska - | frameloom generate runs/00001-edges-to-video -i - -o - | ffplay -`,
    )
    .action((place: string | undefined, given: GenerateWords, self: Command) =>
      run(async (context) => {
        const asked = askedOf(place, given);
        refuseIdleQueueFlags(asked.flags);
        const { withEarlyStart } = await import('../../engine/early.js');
        return withEarlyStart(asked.place, asked.flags, async (thread) => {
          if (asked.into === 'dataset') {
            const { generateIntoDataset } = await import('./dataset.js');
            return generateIntoDataset(asked.place, asked.flags, context, thread);
          }
          const { generateAny } = await import('./run.js');
          return generateAny(asked.place, asked.flags, context, thread);
        });
      }, self),
    );
};
