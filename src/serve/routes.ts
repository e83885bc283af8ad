import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { FrameloomError } from '../base/error.js';
import { packageVersion } from '../base/own-package.js';
import type { Size } from '../play/live/services.js';
import { LIMITS } from './limits.js';
import type { LiveContext, LivePlace } from './live-context.js';
import {
  answerRecording,
  listDrawings,
  listRecordings,
  readDrawing,
  removeDrawing,
  saveDrawing,
} from './live-files.js';
import type { ClipMaps, LiveAbout } from './page-api.js';
import { sizeIn } from './page-services.js';

/** Bytes of conditions or frames that are given at once. */
const MOST_BYTES = 64 << 20;
/** Clips that are read at once, each by an ffmpeg of its own. */
const READING = 4;

/** Bytes as an answer. */
const octets = (bytes: Uint8Array, type = 'application/octet-stream'): Response =>
  new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'Content-Type': type } });

const joined = (frames: readonly Uint8Array[]): Uint8Array => Buffer.concat(frames);

/** A whole number of an address. @throws FrameloomError bad-option */
function numberIn(text: string | undefined, what: string): number {
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
  throw new FrameloomError('bad-option', `${what} is no number`);
}

export interface RouteOptions {
  readonly place: LivePlace;
  readonly context: Promise<LiveContext>;
  /** The folder of a run's samples. */
  readonly samples: string | undefined;
  readonly isTraining: () => boolean;
  /** What is known of a run in training that has no weights to play with yet; null of all others. */
  readonly unplayed: () => Pick<LiveAbout, 'width' | 'height' | 'seed' | 'fps'> | null;
}

/** Adds what a page asks for below /api. */
export function addRoutes(api: Hono, options: RouteOptions): void {
  const { place, context, samples, isTraining, unplayed } = options;
  let reading = 0;
  const read = async <T>(work: () => Promise<T>): Promise<T> => {
    if (reading >= READING) {
      throw new FrameloomError('bad-call', 'too many clips are being read at once', {
        hint: 'ask for one part after the other',
      });
    }
    reading += 1;
    try {
      return await work();
    } finally {
      reading -= 1;
    }
  };

  const shared = () => ({
    ...{ version: packageVersion(), place: place.place, folder: place.folder },
    training: isTraining(),
    limits: {
      messageBytes: LIMITS.messageBytes,
      messagesPerSecond: LIMITS.messagesPerSecond,
      sessions: LIMITS.sessions,
      drawingBytes: LIMITS.drawingBytes,
      mapFrames: LIMITS.mapFrames,
    },
  });
  api.get('/about', async (answer) => {
    const before = unplayed();
    if (before) {
      const why = 'the training has no snapshot yet';
      const about = {
        ...shared(),
        ...before,
        kind: 'run' as const,
        step: null,
        filterUnavailable: why,
      };
      return answer.json(about satisfies LiveAbout);
    }
    const { shelf, fps, filterUnavailable } = await context;
    const { width, height, seed } = await shelf.usual;
    const { step, run } = shelf.file;
    const known = { width, height, seed, step, fps, filterUnavailable };
    const about: LiveAbout = { ...shared(), ...known, kind: run ? 'run' : 'file' };
    return answer.json(about);
  });
  api.get('/training/samples/:name', async (answer) => {
    const name = answer.req.param('name');
    const known = samples !== undefined && /^step-\d{1,12}\.png$/.test(name);
    const bytes = known ? await readFile(join(samples, name)).catch(() => null) : null;
    if (!bytes) throw new FrameloomError('not-found', 'there is no such sample');
    return octets(bytes, 'image/png');
  });
  api.get('/model.onnx', async () => octets((await context).shelf.file.bytes));

  api.get('/maps', async (answer) => {
    const { clips } = await context;
    const maps: ClipMaps = { unavailable: clips.unavailable, clips: [...clips.list] };
    return answer.json(maps);
  });
  const part = (
    words: { clip?: string; start?: string; count?: string },
    size: Size,
  ): { clip: number; start: number; count: number; size: Size } => {
    const count = numberIn(words.count, 'the number of frames');
    if (
      count < 1 ||
      count > LIMITS.mapFrames ||
      count * 3 * size.width * size.height > MOST_BYTES
    ) {
      throw new FrameloomError('bad-option', `${count} frames cannot be given at once`, {
        hint: `ask for ${LIMITS.mapFrames} at the most, and fewer of large frames`,
      });
    }
    const [clip, start] = [numberIn(words.clip, 'the clip'), numberIn(words.start, 'the frame')];
    return { clip, start, count, size };
  };
  const asked = async (url: string): Promise<Size> => {
    const { width, height } = await (await context).shelf.usual;
    return sizeIn(new URL(url).searchParams, { width, height });
  };
  api.get('/maps/:clip/:start/:count', async (answer) => {
    const { clips } = await context;
    const { clip, start, count, size } = part(answer.req.param(), await asked(answer.req.url));
    return octets(joined(await read(() => clips.conditions(clip, start, count, size))));
  });
  api.get('/pictures/:clip/:start/:count', async (answer) => {
    const { clips } = await context;
    const { clip, start, count, size } = part(answer.req.param(), await asked(answer.req.url));
    const { frames } = await read(() => clips.frames(clip, start, count, size));
    return octets(joined(frames));
  });

  api.get('/drawings', async (answer) => answer.json(await listDrawings(place)));
  api.get('/drawings/:name', async (answer) =>
    octets(await readDrawing(place, answer.req.param('name')), 'image/png'),
  );
  api.put('/drawings/:name', async (answer) => {
    const bytes = new Uint8Array(await answer.req.arrayBuffer());
    const overwrite = answer.req.query('overwrite') === '1';
    await saveDrawing(place, answer.req.param('name'), { bytes, overwrite });
    return answer.json(await listDrawings(place));
  });
  api.delete('/drawings/:name', async (answer) => {
    await removeDrawing(place, answer.req.param('name'));
    return answer.json(await listDrawings(place));
  });

  api.get('/recordings', async (answer) => answer.json(await listRecordings(place)));
  api.get('/recordings/:name/:file', (answer) =>
    answerRecording(place, answer.req.param('name'), answer.req.param('file')),
  );
}
