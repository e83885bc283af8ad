import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import { INPUT_LIMITS } from './containers.js';
import { ffmpegError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import type { InputFeed } from './input.js';
import { MediaProcess } from './process.js';

const text = z.string().optional();
const sideData = z
  .array(z.object({ rotation: z.coerce.number().optional(), displaymatrix: text }))
  .optional();
const streamSchema = z.object({
  index: z.number(),
  codec_type: text,
  codec_name: text,
  width: z.number().optional(),
  height: z.number().optional(),
  pix_fmt: text,
  sample_aspect_ratio: text,
  field_order: text,
  r_frame_rate: text,
  avg_frame_rate: text,
  time_base: text,
  start_time: text,
  duration: text,
  nb_frames: text,
  channels: z.number().optional(),
  channel_layout: text,
  color_range: text,
  color_space: text,
  color_transfer: text,
  color_primaries: text,
  disposition: z.record(z.string(), z.number()).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  side_data_list: sideData,
});
const frameSchema = z.object({
  side_data_list: sideData,
  tags: z.record(z.string(), z.string()).optional(),
});
const reportSchema = z.object({
  streams: z.array(streamSchema).default([]),
  /** Of pictures: the first frame, which alone tells how it is turned. */
  frames: z.array(frameSchema).default([]),
  format: z
    .object({ format_name: z.string().default(''), start_time: text, duration: text })
    .default({ format_name: '' }),
});

export type ProbedStream = z.output<typeof streamSchema>;
export type ProbeReport = z.output<typeof reportSchema>;

export interface ProbeSource {
  /** A `file:` URL or `pipe:0`. */
  readonly url: string;
  readonly path: string | null;
  /** The bytes, when they come through a pipe. */
  readonly feed?: InputFeed;
  readonly inputOptions?: readonly string[];
  /** It is one picture. */
  readonly picture?: boolean;
}

const MOST_HEAD_BYTES = 64 * 2 ** 20;
const MOST_REPORT_CHARACTERS = 16 * 2 ** 20;

/** Gives ffprobe as much of a stream as it wants to see. */
async function feedHead(feed: InputFeed, probe: MediaProcess): Promise<void> {
  const stdin = probe.child.stdin;
  if (!stdin) return;
  // What is waited for may never come on a live pipe, while ffprobe has already seen enough.
  const gone = probe.ended.then(() => undefined);
  const seen = [...feed.head];
  for (let bytes = 0; bytes < MOST_HEAD_BYTES;) {
    const piece = seen.shift() ?? (await Promise.race([feed.peek(), gone]));
    if (!piece || probe.isGone || probe.stdinError) break;
    bytes += piece.byteLength;
    if (!stdin.write(piece)) {
      await Promise.race([
        gone,
        new Promise<void>((resolve) => {
          const done = (): void => {
            stdin.off('drain', done).off('close', done).off('error', done);
            resolve();
          };
          stdin.on('drain', done).on('close', done).on('error', done);
        }),
      ]);
    }
  }
  stdin.end();
}

export async function runFfprobe(
  source: ProbeSource,
  show: readonly string[],
  onText: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { ffprobePath } = await findFfmpeg();
  const process = new MediaProcess(
    ffprobePath,
    [
      '-hide_banner',
      ...['-loglevel', 'repeat+level+error'],
      ...INPUT_LIMITS,
      ...(source.inputOptions ?? []),
      ...show,
      ...['-i', source.url],
    ],
    { stdin: source.feed ? 'pipe' : 'ignore' },
  );
  const cancel = (): void => void process.kill();
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted) cancel();
  try {
    process.child.stdout?.setEncoding('utf8').on('data', onText);
    const read = new Promise<void>((resolve) => {
      process.child.stdout?.once('close', resolve);
      process.child.once('error', () => resolve());
    });
    if (source.feed) await feedHead(source.feed, process);
    const end = await process.ended;
    await read;
    if (signal?.aborted)
      throw new FrameloomError('cancelled', 'looking at the video was cancelled');
    if (end.code !== 0) {
      throw ffmpegError({
        doing: 'probe',
        path: source.path ?? undefined,
        end,
        stderr: process.stderr,
      });
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    if (!process.isGone) await process.kill();
  }
}

/** What ffprobe says of the streams. @throws FrameloomError bad-input, ffmpeg-failed */
export async function probeReport(source: ProbeSource, signal?: AbortSignal): Promise<ProbeReport> {
  let json = '';
  await runFfprobe(
    source,
    [
      ...['-of', 'json', '-show_streams', '-show_format'],
      ...(source.picture ? ['-show_frames', '-read_intervals', '%+#1'] : []),
    ],
    (piece) => {
      if (json.length < MOST_REPORT_CHARACTERS) json += piece;
    },
    signal,
  );
  return parseReport(reportSchema, json);
}

/** What ffprobe said, as JSON of a shape. @throws FrameloomError ffmpeg-failed where it is none */
export function parseReport<T extends z.ZodType>(schema: T, json: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw new FrameloomError('ffmpeg-failed', 'ffprobe gave a report that cannot be read', {
      hint: 'run `frameloom doctor`',
      cause,
    });
  }
}
