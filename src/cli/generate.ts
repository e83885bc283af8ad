import type { Command } from 'commander';
import { FrameloomError } from '../base/error.js';
import type { Rational } from '../base/rational.js';
import {
  generateVideo,
  isTemplate,
  memoryOf,
  type AnyModel,
  type Shard,
} from '../synthesis/index.js';
import type { EncodeResult } from '../video/index.js';
import { generateBatch } from './batch.js';
import type { Register } from './command.js';
import type { Context } from './context.js';
import { addEngineFlags, openEngine, type EngineFlags } from './engine.js';
import { gatherInputs } from './inputs.js';
import {
  addOutputFlags,
  outputChoice,
  rawInput,
  reportVideo,
  type OutputFlags,
  type RawFlags,
} from './output-choice.js';
import { createProgress } from './progress.js';
import {
  countingNumber,
  frameRate,
  pixelFormatName,
  pixelSize,
  seedList,
  shardChoice,
  startCount,
  wholeNumber,
} from './values.js';

/** What one video is made by. */
export interface GenerateFlags extends OutputFlags, RawFlags, EngineFlags {
  input: string;
  startFrames?: number;
  seed?: number;
  audio?: boolean;
  json?: boolean;
}

interface Flags extends Omit<GenerateFlags, 'input'> {
  input?: string[];
  list?: string;
  seeds?: number[];
  jobs?: number;
  shard?: Shard;
}

/** Where the flags lead, the same for one video and for many. */
export function generateSettings(flags: Omit<GenerateFlags, 'input'>, context: Context) {
  const raw = rawInput(flags);
  const sequenceFps: Rational | undefined = raw ? undefined : flags.fps;
  return {
    startFrames: flags.startFrames ?? 0,
    baseFolder: process.cwd(),
    log: context.log,
    signal: context.signal,
    ...outputChoice(flags),
    ...(flags.audio !== undefined && { audio: flags.audio }),
    ...(raw && { raw }),
    ...(sequenceFps && { sequenceFps }),
  };
}

/** Another seed without noise to draw by it changes nothing, which nobody would guess. */
function warnOfSeeds(model: AnyModel, context: Context): void {
  if (memoryOf(model).noiseChannels > 0) return;
  context.log.warn('this generator takes no noise: every seed gives the same video');
}

/** Generates one video with a run's averaged generator. */
export async function generateFromRun(
  folder: string,
  flags: GenerateFlags,
  context: Context,
): Promise<EncodeResult> {
  const settings = generateSettings(flags, context);
  const engine = await openEngine(folder, flags, context);
  const { model } = engine;
  if (flags.seed !== undefined) warnOfSeeds(model, context);
  const synthesizer = await engine.open();
  const progress = createProgress(context);
  const started = performance.now();
  try {
    return await generateVideo(model, {
      ...settings,
      synthesizer,
      input: flags.input,
      output: flags.output,
      ...(flags.seed !== undefined && { seed: flags.seed }),
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
    synthesizer.dispose();
    await engine.close();
  }
}

async function generateAny(folder: string, flags: Flags, context: Context): Promise<number> {
  const { input = [], list, seeds, seed, jobs, shard, output, json = false } = flags;
  if (seed !== undefined && seeds) {
    throw new FrameloomError('bad-option', '--seed and --seeds contradict each other');
  }
  const inputs = await gatherInputs(input, list);
  const many = inputs.length > 1 || seeds !== undefined || shard !== undefined;
  if (!many && list === undefined && !isTemplate(output)) {
    const one = { ...flags, input: inputs[0]! };
    return reportVideo(flags, context, () => generateFromRun(folder, one, context));
  }
  if (output === '-' || inputs.includes('-')) {
    throw new FrameloomError('bad-option', 'a pipe carries one video', {
      hint: 'give files to a batch and write files, such as -o out/{name}-{seed}.mp4',
    });
  }
  const settings = generateSettings(flags, context);
  const engine = await openEngine(folder, flags, context);
  if (seed !== undefined || seeds) warnOfSeeds(engine.model, context);
  try {
    return await generateBatch(engine, context, {
      settings,
      inputs,
      seeds: seeds ?? [seed ?? engine.model.seed],
      template: output,
      json,
      ...(shard && { shard }),
      ...(jobs !== undefined && { jobs }),
    });
  } finally {
    await engine.close();
  }
}

/** `frameloom generate` */
export const registerGenerate: Register = (program, run) => {
  const command = program
    .command('generate')
    .description('generate videos, their condition taken from an input by the pipeline’s rule')
    .argument('<run>', 'folder of the run, or an exported .onnx file')
    .option(
      '-i, --input <videos...>',
      'what to take the condition from: videos, globs, folders, - for a pipe',
    )
    .requiredOption(
      '-o, --output <video>',
      'what to write: .mp4 .webm .mov .mkv .ts .gif .y4m %05d.png, - for a pipe; {name} {seed} {index} of many',
    )
    .option('--start-frames <count>', 'real frames of the input to go on from, or none', startCount)
    .option('--seed <number>', 'another seed of the noise', wholeNumber)
    .option('--audio', 'carry the input’s sound along')
    .option('--list <file>', 'more inputs, one a line; - reads them from standard input')
    .option('--seeds <list>', 'a video for each seed, as 1..8 or 3,5,9', seedList)
    .option('--jobs <count>', 'videos made at once by one model; 1 unless given', countingNumber)
    .option('--shard <i/n>', 'only the i-th of n parts of the batch', shardChoice)
    .option('--pix-fmt <format>', 'the input is raw frames of this pixel format', pixelFormatName)
    .option('--size <WxH>', 'pixels of raw frames', pixelSize)
    .option('--fps <rate>', 'rate of raw frames or pictures, as 25 or 30000/1001', frameRate);
  addEngineFlags(addOutputFlags(command))
    .option('--json', 'print each result as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4 --start-frames 2
  $ frameloom generate runs/00001-edges-to-video -i 'clips/*.mp4' -o 'made/{name}.mp4' --jobs 2
  $ ffmpeg -i other.mp4 -f yuv4mpegpipe - | frameloom generate runs/00001-edges-to-video -i - -o - | ffplay -`,
    )
    .action((folder: string, flags: Flags, self: Command) =>
      run((context) => generateAny(folder, flags, context), self),
    );
};
