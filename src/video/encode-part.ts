import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { formatRational, type Rational } from '../base/rational.js';
import { Encoder, type EncoderOptions } from './encoder.js';
import type { FrameIntake } from './frame-intake.js';
import { onePictureError } from './output.js';
import type { OutputTimes } from './output-times.js';
import { frameBytes, isPixelFormat, PIXEL_FORMATS } from './pixel-format.js';
import type { EncodeOptions, Frame, FrameShape, OutputFormatName } from './types.js';

/** The frames that one ffmpeg is given: a whole film, or a segment of one. */
export interface Part {
  readonly options: EncodeOptions;
  readonly format: OutputFormatName;
  readonly encoder: Omit<EncoderOptions, 'onTrouble'>;
  readonly times: OutputTimes;
  /** Frames of the film before it. */
  readonly before?: number | undefined;
  /** Frames to take at most. Default: all. */
  readonly most?: number | undefined;
  /** Its first frame is at nothing, whenever that is in the film. */
  readonly fromZero?: boolean | undefined;
  /** The one picture that can be written. */
  readonly onlyPicture?: string | undefined;
  /** Ends ffmpeg at once. */
  readonly stop: AbortSignal;
}

export interface PartResult {
  /** Frames taken. */
  readonly frames: number;
  /** Pictures written: more than frames where these had to be repeated. */
  readonly sent: number;
  /** The time of its first frame in the film. */
  readonly firstTick: number;
}

export const noFrames = (): FrameloomError =>
  new FrameloomError('bad-input', 'there is no frame to encode');

/**
 * Takes frames and has one ffmpeg write them, which is gone when this ends.
 * @throws FrameloomError what the frames or ffmpeg failed with, bad-shape, bad-option, cancelled
 */
export async function encodePart(intake: FrameIntake, part: Part): Promise<PartResult> {
  const { stop, options } = part;
  let trouble: { readonly reason: unknown } | undefined;
  const encoder = new Encoder({
    ...part.encoder,
    onTrouble: (reason) => {
      trouble ??= { reason };
      intake.fail(reason);
    },
  });
  const kill = (): void => void encoder.stop();
  stop.addEventListener('abort', kill);
  try {
    const fed = await feed(encoder, intake, part);
    const written = await encoder.finish();
    if (written !== undefined && written !== encoder.sent && options.filter === undefined) {
      throw new FrameloomError(
        'ffmpeg-failed',
        `ffmpeg wrote ${written} of ${encoder.sent} frames`,
      );
    }
    return { ...fed, sent: encoder.sent };
  } catch (error) {
    const reason: unknown = trouble ? trouble.reason : error;
    intake.fail(reason);
    throw reason;
  } finally {
    stop.removeEventListener('abort', kill);
    await encoder.stop();
  }
}

/** Writes frame after frame. */
async function feed(
  encoder: Encoder,
  intake: FrameIntake,
  part: Part,
): Promise<Omit<PartResult, 'sent'>> {
  const { options, format, times, before = 0, most = Infinity, fromZero, onlyPicture } = part;
  const { shape, fps } = part.encoder;
  const log = options.log ?? silentLogger;
  let frames = 0;
  let firstTick = 0;
  let lastTick = 0;
  let last: Frame | undefined;
  const again = async (repeats: number): Promise<void> => {
    if (repeats > 0 && encoder.sent === frames) log.info(`${format} ${whyAgain(format, fps)}`);
    for (let k = 1; k <= repeats && last; k += 1) {
      await encoder.room();
      encoder.write(last.data, lastTick + k * times.repeatTicks);
    }
  };
  while (frames < most) {
    const frame = await intake.next();
    if (!frame) break;
    checkFrame(frame, before + frames, shape, options.expects !== undefined);
    if (onlyPicture !== undefined && last) throw onePictureError(onlyPicture);
    const { tick, repeats } = times.place(frame.timeSeconds);
    if (frames === 0) firstTick = tick;
    const origin = fromZero ? firstTick : 0;
    await again(repeats);
    await encoder.room();
    encoder.write(frame.data, tick - origin, () => intake.release());
    frames += 1;
    last = frame;
    lastTick = tick - origin;
  }
  if (frames === 0) throw noFrames();
  if (frames < most) await again(times.endRepeats);
  return { frames, firstTick };
}

const whyAgain = (format: OutputFormatName, fps: Rational): string =>
  format === 'gif'
    ? 'shows no picture longer than 655.35 s: what is shown longer is written more than once'
    : `has one rate only, ${formatRational(fps)}: frames are written more than once to keep their times`;

/**
 * What comes from programs without types is looked at before anything is made of it.
 * @throws FrameloomError bad-shape
 */
export function assertFrame(frame: Frame): void {
  const { width, height, pixelFormat, data } = (frame as Partial<Frame> | null | undefined) ?? {};
  const isSide = (side: unknown): boolean => Number.isSafeInteger(side) && (side as number) > 0;
  const isBytes = ArrayBuffer.isView(data) && data.BYTES_PER_ELEMENT === 1;
  const known = pixelFormat !== undefined && isPixelFormat(pixelFormat);
  if (isSide(width) && isSide(height) && known && isBytes) return;
  throw new FrameloomError('bad-shape', 'what came to be encoded is no frame', {
    hint: `a frame has width, height, pixelFormat (${PIXEL_FORMATS.join(', ')}) and its bytes as data`,
  });
}

/** Bytes of another length would shift every frame after them. */
function checkFrame(frame: Frame, at: number, shape: FrameShape, expected: boolean): void {
  const { width, height, pixelFormat, data } = frame;
  const same =
    width === shape.width && height === shape.height && pixelFormat === shape.pixelFormat;
  if (!same) {
    throw new FrameloomError(
      'bad-shape',
      `frame ${at} is ${width}×${height} ${pixelFormat}, ${expected ? 'it should be' : 'the first one'} ${shape.width}×${shape.height} ${shape.pixelFormat}`,
    );
  }
  const bytes = frameBytes(width, height, pixelFormat);
  if (data.length !== bytes) {
    throw new FrameloomError(
      'bad-shape',
      `frame ${at} has ${data.length} bytes, ${width}×${height} ${pixelFormat} has ${bytes}`,
    );
  }
}

/** Frames that had to be moved visibly. */
export function tellMoved(
  times: OutputTimes,
  film: {
    readonly format: OutputFormatName;
    readonly fps: Rational;
    readonly log?: Logger | undefined;
  },
): void {
  const { format, fps, log = silentLogger } = film;
  if (times.furthestSeconds <= fps.den / fps.num) return;
  const most = times.furthestSeconds.toFixed(3);
  log.warn(
    `some frames are shown up to ${most} s later than their times say: ${format} cannot hold them so close`,
  );
}
