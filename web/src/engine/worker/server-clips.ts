import { FrameloomError } from '../../../../src/base/error.js';
import type { LiveClips, Size } from '../../../../src/play/live/services.js';
import { API, mapsPath, picturesPath, type ClipMaps } from '../../../../src/serve/page-api.js';
import { fetchBytes } from '../fetch-bytes.js';
import type { ServerSource } from '../worker-messages.js';
import { authorization } from '../authorization.js';
import { pieces, scaled } from './scale.js';

/**
 * The clips of a run, from its server; undefined where it has none to give.
 * @param trained the size they are given at
 * @throws FrameloomError not-found where the server has gone
 */
export async function serverClips(
  { base, token, limits }: ServerSource,
  trained: Size,
  bytesPerPixel: number,
): Promise<LiveClips | undefined> {
  const ask = (path: string) => fetchBytes(new URL(path, base).href, authorization(token));
  const maps = JSON.parse(new TextDecoder().decode(await ask(API.maps))) as ClipMaps;
  if (maps.unavailable !== null || maps.clips.length === 0) return undefined;

  /** @param depth bytes of a pixel */
  const read = async (
    pathOf: (first: number, count: number) => string,
    { first, count, size, depth }: { first: number; count: number; size: Size; depth: number },
  ): Promise<Uint8Array[]> => {
    const made: Uint8Array[] = [];
    while (made.length < count) {
      const wanted = Math.min(count - made.length, limits.mapFrames);
      const bytes = await ask(pathOf(first + made.length, wanted));
      const read = pieces(bytes, depth * trained.width * trained.height);
      if (read.length !== wanted) {
        throw new FrameloomError(
          'bad-data',
          `the server gave ${read.length} frames from ${first + made.length} on, expected ${wanted}`,
        );
      }
      made.push(...read.map((pixels) => scaled(pixels, depth, trained, size)));
    }
    return made;
  };
  const conditions: LiveClips['conditions'] = (clip, first, count, size) =>
    read((from, some) => mapsPath(clip, from, some), { first, count, size, depth: bytesPerPixel });
  return {
    list: maps.clips,
    conditions,
    frames: async (clip, first, count, size) => ({
      frames: await read((from, some) => picturesPath(clip, from, some), {
        ...{ first, count, size, depth: 3 },
      }),
      conditions: bytesPerPixel === 0 ? null : await conditions(clip, first, count, size),
    }),
  };
}
