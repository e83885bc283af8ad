import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { type CommandInput, fileUrl } from './command.js';
import { parseReport, runFfprobe, type ProbedStream } from './ffprobe.js';
import { runFfmpeg } from './run-ffmpeg.js';
import { readSourceClock, type SourceClock } from './source-clock.js';
import { type Cue, formatCues, metadataText, readCues, shiftSpans, type Chapter } from './cues.js';
import type { CarryOptions, EncodeOptions, OutputFormatName } from './types.js';

/** The encoder of a container's subtitles; formats that are not named hold none. */
const SUBTITLES: Readonly<Partial<Record<OutputFormatName, string>>> = {
  mp4: 'mov_text',
  mov: 'mov_text',
  mkv: 'srt',
  webm: 'webvtt',
};
/** Formats that hold chapters, and what a film says of itself. */
const DESCRIBED: readonly OutputFormatName[] = ['mp4', 'mov', 'mkv', 'webm'];
const PICTURE_SUBTITLES = /dvd_subtitle|hdmv_pgs|dvb_subtitle|xsub/;
/** What a file says of how it was made, which is not true of the new one. */
const OWN_TAGS = /^(encoder|major_brand|minor_version|compatible_brands|creation_time|duration)$/i;

interface SubtitleTrack {
  readonly language: string | undefined;
  readonly cues: readonly Cue[];
}

/** Everything beside picture and sound, on the clock of the frames. */
export interface Carried {
  readonly subtitles: readonly SubtitleTrack[];
  readonly chapters: readonly Chapter[];
  readonly tags: Readonly<Record<string, string>>;
}

const chaptersSchema = z.object({
  chapters: z
    .array(
      z.object({
        start_time: z.string(),
        end_time: z.string(),
        tags: z.record(z.string(), z.string()).default({}),
      }),
    )
    .default([]),
  format: z.object({ tags: z.record(z.string(), z.string()).default({}) }).default({ tags: {} }),
});

/**
 * Says at once what a format cannot hold.
 * @throws FrameloomError bad-option
 */
export function checkCarry(
  format: OutputFormatName,
  options: EncodeOptions,
  toPipe: boolean,
): void {
  const { carry } = options;
  if (!carry) return;
  const refuse = (what: string, hint: string): never => {
    throw new FrameloomError('bad-option', what, { hint });
  };
  if ((carry.from ?? options.audioFrom) === undefined) {
    refuse('carry names no file to take anything from', 'name it as carry.from or audioFrom');
  }
  const wanted = (['subtitles', 'chapters', 'metadata'] as const).filter((name) => carry[name]);
  if (wanted.length > 0 && toPipe) {
    refuse(`${wanted.join(', ')} cannot be written to a pipe`, 'write to a file');
  }
  for (const name of wanted) {
    const holds = name === 'subtitles' ? format in SUBTITLES : DESCRIBED.includes(format);
    if (!holds) refuse(`${format} holds no ${name}`, 'write mp4, mov, mkv or webm');
  }
}

/**
 * Reads what is to be carried along, so that whatever is wrong with it is known before there is a
 * frame.
 * @returns null where nothing is wanted
 * @throws FrameloomError bad-option of subtitles that are pictures; bad-input, not-found, cancelled
 */
export async function prepareCarried(
  options: EncodeOptions,
  signal: AbortSignal | undefined,
): Promise<Carried | null> {
  const { carry, audioStartSeconds = 0, log = silentLogger } = options;
  const path = carry?.from ?? options.audioFrom;
  if (!carry || path === undefined) return null;
  if (!carry.subtitles && !carry.chapters && !carry.metadata) return null;
  const clock = await readSourceClock(path, signal);
  const begin = clock.firstFrameSeconds + audioStartSeconds;
  const subtitles = carry.subtitles ? await readSubtitles(clock, begin, signal) : [];
  const { chapters, tags } = await readDescription(clock, begin, carry, signal);
  const missing = [
    ...(carry.subtitles && subtitles.length === 0 ? ['subtitles'] : []),
    ...(carry.chapters && chapters.length === 0 ? ['chapters'] : []),
    ...(carry.metadata && Object.keys(tags).length === 0 ? ['metadata'] : []),
  ];
  if (missing.length > 0) log.warn(`${path} has no ${missing.join(', no ')} to carry along`);
  return { subtitles, chapters, tags };
}

async function readSubtitles(
  { path, report }: SourceClock,
  begin: number,
  signal: AbortSignal | undefined,
): Promise<SubtitleTrack[]> {
  const streams = report.streams.filter((stream) => stream.codec_type === 'subtitle');
  const pictures = streams.find((stream) => PICTURE_SUBTITLES.test(stream.codec_name ?? ''));
  if (pictures) {
    throw new FrameloomError(
      'bad-option',
      `the subtitles of ${path} (stream ${pictures.index}, ${pictures.codec_name ?? '?'}) are pictures, not text`,
      { path, hint: 'leave the subtitles out' },
    );
  }
  const read = async (stream: ProbedStream): Promise<SubtitleTrack> => {
    const text = await runFfmpeg({
      // Times as they are in the file, which are those that its first frame was looked up in.
      inputs: [{ url: fileUrl(path), options: ['-copyts', '-vn', '-an'] }],
      output: { url: 'pipe:1', options: ['-map', `0:${stream.index}`, '-f', 'srt'] },
      ...{ doing: 'decode', path, keepText: true, signal },
    });
    return { language: stream.tags?.language, cues: shiftSpans(readCues(text), begin) };
  };
  const tracks: SubtitleTrack[] = [];
  for (const stream of streams) tracks.push(await read(stream));
  return tracks;
}

async function readDescription(
  { path }: SourceClock,
  begin: number,
  carry: CarryOptions,
  signal: AbortSignal | undefined,
): Promise<Pick<Carried, 'chapters' | 'tags'>> {
  if (!carry.chapters && !carry.metadata) return { chapters: [], tags: {} };
  let json = '';
  await runFfprobe(
    { url: fileUrl(path), path },
    ['-show_chapters', '-show_entries', 'format_tags', '-of', 'json'],
    (piece) => (json += piece),
    signal,
  );
  const found = parseReport(chaptersSchema, json);
  const chapters = found.chapters.map(({ start_time, end_time, tags }) => ({
    startSeconds: Number(start_time),
    endSeconds: Number(end_time),
    title: tags.title ?? '',
  }));
  const tags = Object.entries(found.format.tags).filter(([name]) => !OWN_TAGS.test(name));
  return {
    chapters: carry.chapters ? shiftSpans(chapters, begin) : [],
    tags: carry.metadata ? Object.fromEntries(tags) : {},
  };
}

/** ffmpeg's inputs and options that add it to a film. */
export interface CarriedArguments {
  readonly inputs: readonly CommandInput[];
  readonly options: readonly string[];
}

/**
 * Writes it into files of ours, cut where the film ends, for the pass that finishes the film.
 * @param firstIndex the number that the first of the inputs has
 * @param beside names a temporary file by its extension
 */
export async function carriedArguments(
  { subtitles, chapters, tags }: Carried,
  film: {
    readonly format: OutputFormatName;
    readonly durationSeconds: number;
    readonly firstIndex: number;
    readonly beside: (extension: string) => string;
  },
): Promise<CarriedArguments> {
  const inputs: CommandInput[] = [];
  const options: string[] = [];
  const add = async (extension: string, format: string, text: string): Promise<number> => {
    const path = film.beside(extension);
    await writeFile(path, text);
    inputs.push({ url: fileUrl(path), options: ['-f', format], own: true });
    return film.firstIndex + inputs.length - 1;
  };
  let track = 0;
  for (const { language, cues } of subtitles) {
    const shown = shiftSpans(cues, 0, film.durationSeconds);
    if (shown.length === 0) continue;
    const index = await add('.srt', 'srt', formatCues(shown));
    options.push('-map', `${index}:0`, '-c:s', SUBTITLES[film.format] ?? 'srt');
    if (language !== undefined) options.push(`-metadata:s:s:${track}`, `language=${language}`);
    track += 1;
  }
  const shown = shiftSpans(chapters, 0, film.durationSeconds);
  if (shown.length > 0 || Object.keys(tags).length > 0) {
    const index = await add('.ffmetadata', 'ffmetadata', metadataText(tags, shown));
    options.push('-map_metadata', String(index));
    options.push('-map_chapters', shown.length > 0 ? String(index) : '-1');
  } else {
    options.push('-map_chapters', '-1');
  }
  return { inputs, options };
}
