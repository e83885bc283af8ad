import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import { writeError, writeFileAtomic } from '../base/outputs.js';
import { MOST_PICTURE_PIXELS } from '../play/live/packets.js';
import { LIMITS } from './limits.js';
import { drawingsOf, recordingsOf, type LivePlace } from './live-context.js';
import type { LiveFiles, RecordingFiles } from './page-api.js';
import { RECORDED, RECORDING_FILES } from './recording-files.js';

/** Names that Windows takes for devices, whatever stands behind the point. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)\./i;
const DRAWING = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._()-]{0,100}\.png$/u;
/** File systems take names of 255 bytes; what a file is called while it is written is longer. */
const MOST_NAME_BYTES = 180;
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PNG_END = Buffer.from([0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);

/** What a recording says of itself. */
const facts = z.object({
  frames: z.int(),
  fps: z.number(),
  video: z.string(),
  condition: z.string().nullable(),
  actions: z.string().nullable(),
  pipeline: z.string(),
}) satisfies z.ZodType<RecordingFiles>;

/** A folder that somebody has been at is listed all the same, without facts. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const listed = async (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw writeError(folder, error);
  });

const newestFirst = (files: LiveFiles['files']): LiveFiles => ({
  files: [...files].sort((a, b) => b.modified - a.modified || b.name.localeCompare(a.name)),
});

/** @throws FrameloomError bad-option for a name that is none of a drawing's */
function drawingPath(place: LivePlace, name: string): string {
  const fits = Buffer.byteLength(name) <= MOST_NAME_BYTES;
  if (fits && DRAWING.test(name) && !DEVICE.test(name)) return join(drawingsOf(place), name);
  throw new FrameloomError(
    'bad-option',
    `a drawing cannot be called ${JSON.stringify(name.slice(0, 120))}`,
    {
      hint: fits
        ? 'letters, digits, spaces and . _ - ( ), and .png at the end'
        : `it has ${Buffer.byteLength(name)} bytes, and ${MOST_NAME_BYTES} are the most`,
    },
  );
}

/** @throws FrameloomError bad-input unless it begins, ends and is sized as a PNG of a page does */
function assertPng(bytes: Uint8Array): void {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPng =
    all.length > 45 && all.subarray(0, 8).equals(PNG) && all.subarray(-8).equals(PNG_END);
  if (!isPng || all.toString('latin1', 12, 16) !== 'IHDR') {
    throw new FrameloomError('bad-input', 'a drawing is a PNG, and this is none');
  }
  const pixels = all.readUInt32BE(16) * all.readUInt32BE(20);
  if (pixels >= 1 && pixels <= MOST_PICTURE_PIXELS) return;
  throw new FrameloomError('bad-input', `a drawing cannot have ${pixels} pixels`, {
    hint: `1 is the least, and ${MOST_PICTURE_PIXELS} are the most`,
  });
}

export async function listDrawings(place: LivePlace): Promise<LiveFiles> {
  const folder = drawingsOf(place);
  const names = (await listed(folder)).filter((name) => DRAWING.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const { size: bytes, mtimeMs: modified } = await stat(join(folder, name));
      return { name, bytes, modified };
    }),
  );
  return newestFirst(files);
}

/**
 * Keeps a drawing, as PNG.
 * @throws FrameloomError bad-option, bad-input, exists, disk-full, write-failed
 */
export async function saveDrawing(
  place: LivePlace,
  name: string,
  { bytes, overwrite }: { readonly bytes: Uint8Array; readonly overwrite: boolean },
): Promise<void> {
  const path = drawingPath(place, name);
  assertPng(bytes);
  const there = await listed(drawingsOf(place));
  if (there.length >= LIMITS.drawings && !there.includes(name)) {
    throw new FrameloomError(
      'bad-call',
      `there are ${LIMITS.drawings} drawings, which is the most`,
      {
        hint: 'remove some',
      },
    );
  }
  await writeFileAtomic(path, bytes, { overwrite, log: place.log });
}

/** @throws FrameloomError bad-option, not-found */
export async function readDrawing(place: LivePlace, name: string): Promise<Uint8Array> {
  return readFile(drawingPath(place, name)).catch((error: unknown) => {
    throw new FrameloomError('not-found', `there is no drawing ${name}`, { cause: error });
  });
}

/** @throws FrameloomError bad-option, not-found */
export async function removeDrawing(place: LivePlace, name: string): Promise<void> {
  await rm(drawingPath(place, name)).catch((error: unknown) => {
    throw new FrameloomError('not-found', `there is no drawing ${name}`, { cause: error });
  });
}

export async function listRecordings(place: LivePlace): Promise<LiveFiles> {
  const folder = recordingsOf(place);
  const names = (await listed(folder)).filter((name) => /^\d{5,}$/.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name, RECORDED.facts), 'utf8').catch(() => '');
      const recording = facts.safeParse(jsonOf(text));
      const { mtimeMs: modified } = await stat(join(folder, name));
      const sizes = await Promise.all(
        RECORDING_FILES.map((file) =>
          stat(join(folder, name, file)).then(
            ({ size }) => size,
            () => 0,
          ),
        ),
      );
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      return { name, bytes, modified, ...(recording.success && { recording: recording.data }) };
    }),
  );
  return newestFirst(files);
}

/** A file of a recording as an answer. @throws FrameloomError not-found */
export async function answerRecording(
  place: LivePlace,
  name: string,
  file: string,
): Promise<Response> {
  const path = join(recordingsOf(place), name, file);
  const known = /^\d{5,}$/.test(name) && RECORDING_FILES.includes(file);
  const found = known ? await stat(path).catch(() => null) : null;
  if (!found) throw new FrameloomError('not-found', 'there is no such recording');
  const type = { mp4: 'video/mp4', mkv: 'video/x-matroska', csv: 'text/csv', yaml: 'text/yaml' };
  const extension = file.split('.').at(-1) as keyof typeof type;
  return new Response(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>, {
    headers: { 'Content-Type': type[extension], 'Content-Length': String(found.size) },
  });
}
