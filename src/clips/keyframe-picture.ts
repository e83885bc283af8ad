import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FrameloomError, messageOf } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { probe, readFrames, type Frame, type VideoInfo } from '../video/index.js';
import type { NamedKeyframe } from './keyframe-names.js';
import type { MediaPlan } from './media.js';

/** Sides of a picture may be off by as much as programs round: pixels, and a share of the side. */
const [OFF_PIXELS, OFF_SHARE] = [2, 0.01];
/** What is less opaque shows; a level or two is what scaling and lossy files leave. */
const OPAQUE = 250;

/** @throws FrameloomError bad-data for a picture whose sides are to one another as those of no frame of the clip */
function assertAspect(path: string, picture: VideoInfo, clip: VideoInfo): void {
  const shown = ({ width, sampleAspectRatio }: VideoInfo): number =>
    width * rationalToNumber(sampleAspectRatio);
  const fitting = (picture.height * shown(clip)) / clip.height;
  const allowed = Math.max(OFF_PIXELS, OFF_SHARE * shown(picture));
  if (Math.abs(shown(picture) - fitting) <= allowed) return;
  throw new FrameloomError(
    'bad-data',
    `${path} is ${picture.width}x${picture.height}, another aspect than the frames of the clip, ${Math.round(shown(clip))}x${clip.height}`,
    {
      path,
      hint: 'a painting may be of any size, with the sides of the frame that it was painted over',
    },
  );
}

/** @throws FrameloomError bad-data where one sees through the picture */
function assertOpaque(path: string, { data }: Frame): void {
  let clear = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i]! < OPAQUE) clear += 1;
  if (clear === 0) return;
  const share = ((400 * clear) / data.length).toFixed(1);
  throw new FrameloomError('bad-data', `${path} is transparent in ${share} % of its pixels`, {
    path,
    hint: 'flatten it onto the frame that it was painted over',
  });
}

/** A painted frame, scaled as the frames of its clip are. */
export interface Painting extends NamedKeyframe {
  /** rgb24, HWC. */
  readonly rgb: Uint8Array;
  /** Of its file. */
  readonly sha256: string;
  readonly info: VideoInfo;
}

/**
 * A painted frame as it is trained on.
 * @throws FrameloomError bad-input where it cannot be read; bad-data for another aspect, and where it is transparent
 */
export async function readPainting(
  { path, frame }: NamedKeyframe,
  clip: VideoInfo,
  plan: MediaPlan,
  signal: AbortSignal,
): Promise<Painting> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new FrameloomError('bad-input', `${path} cannot be read: ${messageOf(error)}`, {
      path,
      cause: error,
    });
  });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const info = await probe(path, { signal });
  assertAspect(path, info, clip);
  const { width, height, fit } = plan;
  const decode = async (pixelFormat: 'rgb24' | 'rgba'): Promise<Frame> => {
    const frames: Frame[] = [];
    const size = { width, height, fit };
    for await (const one of readFrames(path, { info, size, pixelFormat, signal })) frames.push(one);
    const [picture, second] = frames;
    if (picture && !second) return picture;
    throw new FrameloomError('bad-input', `${path} holds ${frames.length} pictures, not one`, {
      path,
    });
  };
  if (info.hasAlpha) assertOpaque(path, await decode('rgba'));
  return { path, frame, sha256, info, rgb: (await decode('rgb24')).data };
}
