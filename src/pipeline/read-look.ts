import { useBackend } from '../backend/index.js';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { encodePictures } from '../synthesis/models/looks.js';
import { readFrames } from '../video/index.js';
import type { RunModel } from './run-model.js';

/** Of a video so many frames are looked at, each so many after the last. */
const [MOST_FRAMES, EACH_FRAMES] = [8, 30];

/**
 * The look of a picture, or of a video's first 240 frames, as the encoder of a run sees it.
 * @throws FrameloomError bad-input where it cannot be read; cancelled
 */
export async function readLook(
  path: string,
  model: RunModel,
  { log, signal }: { readonly log: Logger; readonly signal?: AbortSignal | undefined },
): Promise<readonly number[]> {
  const { size: pixels, fit } = model.data;
  const size = { ...pixels, fit };
  const pictures: Uint8Array[] = [];
  let at = 0;
  for await (const { data } of readFrames(path, { size, log, ...(signal && { signal }) })) {
    if (at % EACH_FRAMES === 0) pictures.push(data.slice());
    at += 1;
    if (pictures.length === MOST_FRAMES) break;
  }
  if (pictures.length === 0) {
    throw new FrameloomError('bad-input', `${path} holds no picture`, { path });
  }
  await useBackend({ log });
  return (await encodePictures(model, pictures, pixels)).code;
}
