import { messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { nutFrameHeader, nutHeader, pictureTag } from './nut.js';
import { badPicture, pictureBytes, pictureFault, type PictureSequence } from './sequence.js';
import type { OnDamage, PictureChange, VideoInfo } from './types.js';

export interface SequenceFeedOptions {
  /** Of the first picture. */
  readonly info: Pick<VideoInfo, 'width' | 'height' | 'rotation' | 'fps'>;
  /** The first picture that is wanted. */
  readonly start: number;
  /** `warn` leaves out pictures that cannot be read. */
  readonly onDamage: OnDamage;
  /** Changes each picture before it is handed on. */
  readonly pictures?: PictureChange | undefined;
  readonly log: Logger;
}

/**
 * Pictures as a stream whose k-th tick is the k-th picture: each file is a packet of its own, so that
 * nothing behind a picture in its file can be taken for another, and one that gives no frame is
 * missing at its own time.
 * @throws FrameloomError bad-input naming the picture that is none
 */
export async function* sequenceFeed(
  sequence: PictureSequence,
  { info, start, onDamage, pictures, log }: SequenceFeedOptions,
): AsyncGenerator<Uint8Array> {
  const { files, decoder } = sequence;
  const { fps, rotation } = info;
  // As stored: of a picture that is lower than its stream says, ffmpeg's JPEG decoder takes two for one.
  const turned = rotation === 90 || rotation === 270;
  const [width, height] = turned ? [info.height, info.width] : [info.width, info.height];
  yield nutHeader({
    width,
    height,
    tag: pictureTag(pictures?.decoder ?? decoder),
    timeBase: { num: fps.den, den: fps.num },
  });
  for (const [tick, file] of files.slice(start).entries()) {
    let bytes: Uint8Array;
    try {
      bytes = await pictureBytes(file, decoder);
      const fault = pictureFault(file, bytes, decoder);
      if (fault !== undefined) throw badPicture(fault, file);
      if (pictures) bytes = pictures.change(bytes, file);
    } catch (error) {
      if (onDamage === 'error') throw error;
      log.warn(`${messageOf(error)}: it is left out`);
      continue;
    }
    yield nutFrameHeader(tick, bytes.length);
    yield bytes;
  }
}
