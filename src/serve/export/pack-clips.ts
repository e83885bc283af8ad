import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { throwIfCancelled } from '../../base/cancel.js';
import type { LiveClips, Size } from '../../play/live/services.js';
import type { ExportedClip } from '../exported-site.js';

/** Clips that come along, frames of each, and bytes of a clip's conditions as they lie there. */
const MOST_CLIPS = 4;
const MOST_FRAMES = 64;
const MOST_BYTES = 384 * 1024;

/** Frames of a clip, and what is said of them. */
export interface PackedClip {
  readonly facts: ExportedClip;
  readonly conditions: Buffer;
  readonly pictures: Buffer;
}

interface PackOptions {
  readonly size: Size;
  readonly bytesPerPixel: number;
  readonly historyFrames: number;
  readonly signal?: AbortSignal | undefined;
}

const packed = (frames: readonly Uint8Array[]): Promise<Buffer> =>
  promisify(gzip)(Buffer.concat(frames), { level: constants.Z_BEST_COMPRESSION });

/** The beginnings of the first clips: as many frames as are small, and the pictures that a world may begin from. */
export async function packClips(clips: LiveClips, options: PackOptions): Promise<PackedClip[]> {
  const { size, bytesPerPixel, historyFrames, signal } = options;
  const made: PackedClip[] = [];
  for (const [clip, { name, frames, fps }] of clips.list.slice(0, MOST_CLIPS).entries()) {
    throwIfCancelled(signal, 'exporting the page');
    const pictureFrames = Math.min(frames, Math.max(1, historyFrames));
    let some =
      bytesPerPixel === 0
        ? []
        : await clips.conditions(clip, 0, Math.min(frames, MOST_FRAMES), size);
    let conditions = await packed(some);
    while (conditions.length > MOST_BYTES && some.length > pictureFrames) {
      some = some.slice(0, Math.max(pictureFrames, Math.floor(some.length / 2)));
      conditions = await packed(some);
    }
    const { frames: pictures } = await clips.frames(clip, 0, pictureFrames, size);
    made.push({
      facts: {
        ...{ name, fps, bytesPerPixel, pictureFrames },
        ...{ width: size.width, height: size.height },
        frames: bytesPerPixel === 0 ? pictureFrames : some.length,
        conditions: `clips/${clip}-conditions.bin`,
        pictures: `clips/${clip}-pictures.bin`,
      },
      conditions,
      pictures: await packed(pictures),
    });
  }
  return made;
}
