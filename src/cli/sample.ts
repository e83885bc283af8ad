import { InvalidArgumentError, type Command } from 'commander';
import { lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { rational, rationalToNumber, type Rational } from '../base/rational.js';
import { sampleFrames, writeSheet, type AnyModel, type SheetShape } from '../synthesis/index.js';
import { decodeFrames, encodeFrames, type EncodeResult, type Frame } from '../video/index.js';
import type { Register } from './command.js';
import type { Context } from './context.js';
import { addEngineFlags, openEngine, type Engine, type EngineFlags } from './engine.js';
import { addOutputFlags, outputChoice, reportVideo, type OutputFlags } from './output-choice.js';
import { createProgress } from './progress.js';
import { countingNumber, frameRate, sheetShape, wholeNumber } from './values.js';

interface Flags extends OutputFlags, EngineFlags {
  frames?: number;
  seed?: number;
  firstFrame?: string;
  fps?: Rational;
  loop?: true | number;
  sheet?: SheetShape;
  json?: boolean;
}

const USUAL_FRAMES = 120;
const USUAL_FPS = rational(25);

/** The picture, or a video's first frame, as training would have seen it. */
async function readFirstFrame(path: string, model: AnyModel, signal: AbortSignal) {
  const size = { ...model.data.size, fit: model.data.fit };
  const frame = await lastValueFrom(decodeFrames(path, { size, frames: 1, signal }));
  return frame.data;
}

/** Frames as a sprite sheet, in one PNG. */
async function toSheet(
  frames: Observable<Frame>,
  flags: Flags & { sheet: SheetShape },
  fps: Rational,
): Promise<EncodeResult> {
  const made = await lastValueFrom(frames.pipe(toArray()));
  const { width, height } = await writeSheet(flags.output, made, flags.sheet);
  return {
    ...{ frames: made.length, durationSeconds: made.length / rationalToNumber(fps) },
    ...{ width, height, format: 'png', path: flags.output },
  };
}

function checkSheet({ sheet, frames, output }: Flags): void {
  if (!sheet) return;
  const cells = sheet.columns * sheet.rows;
  if (!/\.png$/i.test(output) || /%0?\d*d/.test(output)) {
    throw new FrameloomError('bad-option', `a sheet is one PNG file, and ${output} is not`, {
      hint: 'such as -o sheet.png',
    });
  }
  if (frames !== undefined && frames > cells) {
    throw new FrameloomError(
      'bad-option',
      `a sheet of ${sheet.columns}x${sheet.rows} holds ${cells} frames, not ${frames}`,
    );
  }
}

async function sampleRun(folder: string, flags: Flags, context: Context): Promise<EncodeResult> {
  checkSheet(flags);
  const engine = await openEngine(folder, flags, context);
  try {
    return await sampleWith(engine, flags, context);
  } finally {
    await engine.close();
  }
}

async function sampleWith(engine: Engine, flags: Flags, context: Context): Promise<EncodeResult> {
  const { model } = engine;
  const { sheet, output, loop } = flags;
  const choice = outputChoice(flags);
  const { log, signal } = context;
  const frames = flags.frames ?? (sheet ? sheet.columns * sheet.rows : USUAL_FRAMES);
  const fps = flags.fps ?? model.data.fps ?? USUAL_FPS;
  const options = {
    ...{ frames, fps, seed: flags.seed },
    loop: loop === true ? ('auto' as const) : loop,
  };
  // Refused before TensorFlow is loaded and a picture looked for.
  sampleFrames(model, options);
  if (flags.firstFrame === undefined && engine.coldStartFraction === 0) {
    log.warn('this run was only trained to go on from real frames: give it a --first-frame');
  }
  const firstFrame =
    flags.firstFrame === undefined
      ? undefined
      : await readFirstFrame(flags.firstFrame, model, signal);
  const synthesizer = await engine.open();
  const progress = createProgress(context);
  let done = 0;
  try {
    const made = sampleFrames(model, { ...options, firstFrame, synthesizer }).pipe(
      tap(() => {
        if (signal.aborted) throw signal.reason;
        progress.update({ done: (done += 1), total: frames, unit: 'frames' });
      }),
    );
    if (sheet) return await toSheet(made, { ...flags, sheet }, fps);
    return await lastValueFrom(made.pipe(encodeFrames(output, { fps, signal, log, ...choice })));
  } finally {
    progress.stop();
    synthesizer.dispose();
  }
}

function loopChoice(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not a number of frames from 1.`);
}

/** `frameloom sample` */
export const registerSample: Register = (program, run) => {
  const command = program
    .command('sample')
    .description('generate from nothing but noise or a picture, by a pipeline without condition')
    .argument('<run>', 'folder of the run, or an exported .onnx file')
    .requiredOption(
      '-o, --output <video>',
      'what to write: .mp4 .webm .mov .mkv .gif .y4m %04d.png, - for a pipe',
    )
    .option('--frames <count>', `frames; ${USUAL_FRAMES} or a full sheet`, countingNumber)
    .option('--seed <number>', 'another seed of the noise', wholeNumber)
    .option('--first-frame <picture>', 'picture or video to begin from')
    .option('--fps <rate>', 'frames per second, as 25; the pipeline’s, or 25', frameRate)
    .option('--loop [frames]', 'close the seam, over so many frames, for endless play', loopChoice)
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
    .action((folder: string, flags: Flags, self: Command) =>
      run((context) => reportVideo(flags, context, () => sampleRun(folder, flags, context)), self),
    );
};
