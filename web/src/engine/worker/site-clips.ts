import { FrameloomError } from '../../../../src/base/error.js';
import type { LiveClips, Size } from '../../../../src/play/live/services.js';
import type { ExportedClip } from '../../../../src/serve/exported-site.js';
import { fetchBytes, unpacked } from '../fetch-bytes.js';
import type { ExportSource } from '../worker-messages.js';
import { pieces, scaled } from './scale.js';

/** Clips that lie beside the page, each fetched once it is asked for. */
export function siteClips({ base, site }: ExportSource): LiveClips | undefined {
  if (site.clips.length === 0) return undefined;
  const fetched = new Map<string, Promise<Uint8Array[]>>();
  const read = (path: string, length: number): Promise<Uint8Array[]> => {
    let frames = fetched.get(path);
    if (!frames) {
      frames = fetchBytes(new URL(path, base).href)
        .then(unpacked)
        .then((bytes) => pieces(bytes, length));
      // What failed may be asked for again.
      frames.catch(() => fetched.delete(path));
      fetched.set(path, frames);
    }
    return frames;
  };
  const clipAt = (clip: number): ExportedClip => {
    const found = site.clips[clip];
    if (found) return found;
    throw new FrameloomError('bad-option', `there is no clip ${clip}`);
  };
  const some = async (
    path: string,
    { first, count, from, to, depth }: Some,
  ): Promise<Uint8Array[]> => {
    const frames = await read(path, depth * from.width * from.height);
    return frames.slice(first, first + count).map((pixels) => scaled(pixels, depth, from, to));
  };
  const conditions: LiveClips['conditions'] = (clip, first, count, to) => {
    const from = clipAt(clip);
    return some(from.conditions, { first, count, from, to, depth: from.bytesPerPixel });
  };
  return {
    list: site.clips,
    conditions,
    async frames(clip, first, count, to) {
      const from = clipAt(clip);
      if (first + count > from.pictureFrames) {
        throw new FrameloomError(
          'bad-option',
          `of ${from.name} no pictures came along from there`,
          {
            hint: `begin from its frame ${from.pictureFrames - 1}`,
          },
        );
      }
      return {
        frames: await some(from.pictures, { first, count, from, to, depth: 3 }),
        conditions: from.bytesPerPixel === 0 ? null : await conditions(clip, first, count, to),
      };
    },
  };
}

interface Some {
  readonly first: number;
  readonly count: number;
  readonly from: Size;
  readonly to: Size;
  /** Bytes of a pixel. */
  readonly depth: number;
}
