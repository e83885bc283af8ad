import { lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { FrameloomError } from '../../../base/error.js';
import { rational, rationalToNumber, type Rational } from '../../../base/rational.js';
import type { AnyModel } from '../../../synthesis/models/model.js';
import type { OnnxThread } from '../../../synthesis/engines/thread/host.js';
import { isTemplate } from '../../../synthesis/batch/template.js';
import { sampleFrames } from '../../../synthesis/sample/sample.js';
import { writeSheet, type SheetShape } from '../../../synthesis/sample/sheet.js';
import { decodeFrames, encodeFrames, type EncodeResult, type Frame } from '../../../video/index.js';
import type { Context } from '../../terminal/context.js';
import { USUAL_FRAMES } from '../../defaults.js';
import { refuseIdle } from '../../idle-options.js';
import { openEngine, warnOfSeeds, type Engine } from '../../engine/engine.js';
import type { EngineFlags } from '../../engine/flags.js';
import { checkVideoOutput, modelFiles } from '../../output/check.js';
import { outputChoice, reportVideo } from '../../output/choice.js';
import type { OutputFlags } from '../../output/flags.js';
import { isNumbered } from '../../../video/sequence.js';
import { createProgress } from '../../terminal/progress.js';

export interface SampleFlags extends OutputFlags, EngineFlags {
  frames?: number;
  seed?: number;
  firstFrame?: string;
  fps?: Rational;
  loop?: true | number;
  sheet?: SheetShape;
  json?: boolean;
}

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
  flags: SampleFlags & { sheet: SheetShape },
  fps: Rational,
): Promise<EncodeResult> {
  const made = await lastValueFrom(frames.pipe(toArray()));
  const { width, height } = await writeSheet(flags.output, made, flags.sheet, {
    overwrite: flags.overwrite ?? false,
  });
  return {
    ...{ frames: made.length, durationSeconds: made.length / rationalToNumber(fps) },
    ...{ width, height, format: 'png', path: flags.output },
  };
}

function checkSheet(flags: SampleFlags): void {
  const { sheet, frames, output, format } = flags;
  if (isTemplate(output)) {
    throw new FrameloomError('bad-option', `${output} stands for many, and sample makes one`, {
      path: output,
      hint: 'leave the braces out',
    });
  }
  if (!sheet) return;
  const why = 'for a sheet, which is a PNG of its own';
  refuseIdle(
    { option: '--fps', given: flags.fps, why },
    { option: '--output-pix-fmt', given: flags.outputPixFmt, why },
    { option: '--format', given: format !== 'png' && format, why },
  );
  const cells = sheet.columns * sheet.rows;
  if (!/\.png$/i.test(output) || isNumbered(output)) {
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

export async function sampleRun(
  folder: string,
  flags: SampleFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<number> {
  return reportVideo(flags, context, () => sampleVideo(folder, flags, context, thread));
}

async function sampleVideo(
  folder: string,
  flags: SampleFlags,
  context: Context,
  thread: OnnxThread | undefined,
): Promise<EncodeResult> {
  checkSheet(flags);
  const { format, outputPixelFormat } = outputChoice(flags);
  const reads = [...(flags.firstFrame === undefined ? [] : [flags.firstFrame])];
  reads.push(...(await modelFiles(folder)));
  const { overwrite } = flags;
  const frames = flags.sheet ? 1 : (flags.frames ?? USUAL_FRAMES);
  await checkVideoOutput(flags.output, { format, outputPixelFormat, overwrite, reads, frames });
  const engine = await openEngine(folder, flags, context, thread);
  try {
    return await sampleWith(engine, flags, context);
  } finally {
    await engine.close();
  }
}

async function sampleWith(
  engine: Engine,
  flags: SampleFlags,
  context: Context,
): Promise<EncodeResult> {
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
  if (flags.seed !== undefined) warnOfSeeds(model, context);
  if (model.layout.actions) {
    log.warn(
      'nobody plays: what is sampled goes on by itself (generate -i VIDEO --actions FILE plays)',
    );
  }
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
