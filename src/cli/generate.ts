import { InvalidArgumentError, type Command } from 'commander';
import { useBackend } from '../backend/index.js';
import { openModel } from '../pipeline/open-model.js';
import { generateVideo } from '../synthesis/index.js';
import type { EncodeResult } from '../video/index.js';
import type { Register } from './command.js';
import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import { createProgress } from './progress.js';
import { snapshotChoice } from './snapshot-choice.js';

export interface GenerateFlags {
  input: string;
  output: string;
  startFrames?: number;
  seed?: number;
  audio?: boolean;
  snapshot?: 'latest' | 'best' | number;
  json?: boolean;
}

function startCount(text: string): number {
  if (text === 'none') return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not "none" or a number of frames.`);
}

function seedNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not a whole number.`);
}

/** Generates one video with a run's averaged generator. */
export async function generateFromRun(
  folder: string,
  flags: GenerateFlags,
  context: Context,
): Promise<EncodeResult> {
  const model = await openModel(folder, {
    log: context.log,
    snapshot: flags.snapshot ?? 'latest',
  });
  await useBackend({ log: context.log });
  const progress = createProgress(context);
  const started = performance.now();
  try {
    return await generateVideo(model, {
      input: flags.input,
      output: flags.output,
      startFrames: flags.startFrames ?? 0,
      baseFolder: process.cwd(),
      log: context.log,
      signal: context.signal,
      ...(flags.seed !== undefined && { seed: flags.seed }),
      ...(flags.audio !== undefined && { audio: flags.audio }),
      onFrame: (done, total) => {
        const framesPerSecond = (done * 1000) / (performance.now() - started);
        progress.update({
          done,
          unit: 'frames',
          framesPerSecond,
          ...(total !== null && { total, etaSeconds: (total - done) / framesPerSecond }),
        });
      },
    });
  } finally {
    progress.stop();
  }
}

/** `frameloom generate` */
export const registerGenerate: Register = (program, run) => {
  program
    .command('generate')
    .description('generate a video, its condition taken from an input by the pipeline’s rule')
    .argument('<run>', 'folder of the run')
    .requiredOption('-i, --input <video>', 'video to take the condition from')
    .requiredOption(
      '-o, --output <video>',
      'what to write: .mp4 .webm .mov .mkv .gif .y4m %05d.png',
    )
    .option('--start-frames <count>', 'real frames of the input to go on from, or none', startCount)
    .option('--seed <number>', 'another seed of the noise', seedNumber)
    .option('--audio', 'carry the input’s sound along')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4 --start-frames 2`,
    )
    .action((folder: string, flags: GenerateFlags, command: Command) =>
      run(async (context) => {
        const result = await generateFromRun(folder, flags, context);
        const { terminal } = context;
        if (flags.json) terminal.out(`${JSON.stringify(result)}\n`);
        else
          terminal.out(
            `${flags.output}: ${result.frames} frames, ${result.durationSeconds.toFixed(2)} s\n`,
          );
        return EXIT.ok;
      }, command),
    );
};
