import { stat } from 'node:fs/promises';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { type CommandInput, fileUrl } from './command.js';
import type { ProbedStream } from './ffprobe.js';
import { moveFilter, soundMoves } from './joined-clocks.js';
import { runFfmpeg } from './run-ffmpeg.js';
import { type ChannelFilter, channelFilters, SOUND_ENCODERS } from './sound-encoder.js';
import { clockOptions, readSourceClock, type SourceClock } from './source-clock.js';
import type { EncodeOptions, OutputFormatName } from './types.js';

/** The sound to carry along, looked at and tried. */
export interface Sound {
  readonly path: string;
  /** As another input of ffmpeg, whose clock begins where the video does. */
  readonly input: CommandInput;
  /** Options of an output with input `index` as its sound, cut at `endSeconds` where that is known. */
  options(index: number, endSeconds?: number): string[];
}

/** ffmpeg's own choice: a default stream before others, more channels before fewer. */
function chooseSound(streams: readonly ProbedStream[]): ProbedStream | undefined {
  const score = (stream: ProbedStream): number =>
    (stream.disposition?.default === 1 ? 1000 : 0) + (stream.channels ?? 0);
  return streams.reduce<ProbedStream | undefined>(
    (best, stream) => (best === undefined || score(stream) > score(best) ? stream : best),
    undefined,
  );
}

/**
 * In step with the frames by the times of its packets: what came before the first frame is cut off,
 * what is missing, at the beginning or in between, is silence. Small differences are stretched away,
 * larger ones than a frame at once.
 */
const IN_STEP = [
  'atrim=start=0',
  'aresample=async=1000:min_comp=0.01:min_hard_comp=0.035:first_pts=0',
];

const chain = (...filters: readonly string[]): string =>
  filters.filter((filter) => filter !== '').join(',');

/**
 * Looks at the sound of `audioFrom` and tries it: what cannot be carried along is known before there
 * is a frame. Its clock is that of the frames, whose first one is at `audioStartSeconds`.
 * @returns null where none is wanted, or there is none (which is logged as a warning)
 * @throws FrameloomError not-found, bad-input, bad-option, cancelled
 */
export async function prepareSound(
  format: OutputFormatName,
  options: EncodeOptions,
  signal: AbortSignal | undefined,
): Promise<Sound | null> {
  const { audioFrom: path, audioStartSeconds = 0, log = silentLogger } = options;
  const encoder = SOUND_ENCODERS[format];
  if (path === undefined || encoder === undefined) return null;
  await stat(path).catch((cause: unknown) => {
    throw new FrameloomError('not-found', `${path} does not exist`, { path, cause });
  });
  const clock = await readSourceClock(path, signal);
  const streams = clock.report.streams.filter((stream) => stream.codec_type === 'audio');
  const stream = chooseSound(streams);
  if (!stream) {
    log.warn(`${path} has no sound to carry along`);
    return null;
  }
  if (streams.length > 1) {
    const what = `${stream.tags?.language ?? stream.codec_name ?? '?'}, ${stream.channels ?? '?'} channels`;
    log.info(
      `${path} has ${streams.length} sound streams: stream ${stream.index} (${what}) is taken`,
    );
  }
  const channels = await tryChannels(clock, stream, format, signal);
  if (channels.note !== undefined) log.warn(`the sound of ${path}: ${channels.note}`);
  const { options: offset, beginSeconds } = await clockOptions(
    clock,
    stream.index,
    audioStartSeconds,
    signal,
  );
  const moves = await soundMoves(clock, stream.index, signal);
  if (moves === null || (moves.length > 0 && beginSeconds === null)) {
    log.warn(
      `${path} is of several recordings, one behind the other: its sound may be out of step from the second one on`,
    );
  }
  const inStep = chain(moveFilter(moves ?? [], beginSeconds ?? 0), ...IN_STEP);
  return {
    path,
    input: {
      url: fileUrl(path),
      options: ['-vn', '-sn', ...offset, '-thread_queue_size', '512'],
    },
    options: (index, endSeconds) => {
      const end = endSeconds === undefined ? '' : `atrim=end=${endSeconds.toFixed(6)}`;
      return [
        ...['-map', `${index}:${stream.index}`],
        ...['-af', chain(inStep, channels.filter, end), ...encoder.options],
        ...(endSeconds === undefined ? ['-shortest'] : []),
      ];
    },
  };
}

/** The first way of bringing its channels to the encoder that this very sound goes through. */
async function tryChannels(
  clock: SourceClock,
  stream: ProbedStream,
  format: OutputFormatName,
  signal: AbortSignal | undefined,
): Promise<ChannelFilter> {
  const { path } = clock;
  const encoder = SOUND_ENCODERS[format];
  let last: unknown;
  if (encoder === undefined) throw new RangeError(`${format} holds no sound`);
  for (const way of channelFilters(encoder, stream.channels ?? 2)) {
    try {
      await runFfmpeg({
        inputs: [{ url: fileUrl(path), options: ['-vn', '-sn'] }],
        output: {
          url: 'pipe:1',
          options: [
            ...['-map', `0:${stream.index}`, '-af', chain(...IN_STEP.slice(1), way.filter)],
            ...[...encoder.options, '-frames:a', '4', '-f', 'null'],
          ],
        },
        ...{ doing: 'encode', path, signal },
      });
      return way;
    } catch (error) {
      if (signal?.aborted) throw error;
      last = error;
    }
  }
  throw new FrameloomError(
    'bad-input',
    `the sound of ${path} cannot be written as ${format}: ${messageOf(last)}`,
    { path, hint: 'leave the sound out, or convert it with ffmpeg first', cause: last },
  );
}
