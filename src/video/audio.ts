import { rename, rm } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { FrameloomError } from '../base/error.js';
import { temporaryBeside } from '../base/temporaries.js';
import { silentLogger } from '../base/log.js';
import { type CommandInput, ffmpegArguments, fileUrl } from './command.js';
import { cancelledError, ffmpegError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { OUTPUT_FORMATS } from './formats.js';
import type { FileTarget } from './output.js';
import { MediaProcess, removeAtExit } from './process.js';
import type { EncodeOptions, OutputFormatName } from './types.js';

function audioInput(path: string, startSeconds: number): CommandInput {
  const seek = startSeconds > 0 ? ['-ss', startSeconds.toFixed(6)] : [];
  return { url: fileUrl(path), options: ['-vn', '-sn', ...seek] };
}

/** A sound track beside the frames of one pass, for streams: cut where the frames end. */
export function pipedAudio(
  format: OutputFormatName,
  options: EncodeOptions,
): { inputs: CommandInput[]; options: string[] } {
  const codec = OUTPUT_FORMATS[format].audio;
  if (options.audioFrom === undefined || codec === null) return { inputs: [], options: [] };
  return {
    inputs: [audioInput(options.audioFrom, options.audioStartSeconds ?? 0)],
    options: ['-map', '1:a:0?', ...codec, '-shortest'],
  };
}

export interface MuxAudio {
  readonly target: FileTarget;
  readonly format: OutputFormatName;
  readonly durationSeconds: number;
  readonly options: EncodeOptions;
}

/**
 * Adds the sound track to the finished video, in place. A second pass, because only now is the
 * duration known: `-shortest` cuts to within a fraction of a second only.
 * @throws FrameloomError not-found, bad-input, ffmpeg-failed, disk-full
 */
export async function muxAudio({
  target,
  format,
  durationSeconds,
  options,
}: MuxAudio): Promise<void> {
  const from = options.audioFrom;
  const codec = OUTPUT_FORMATS[format].audio;
  if (from === undefined || codec === null) return;
  await stat(from).catch((cause: unknown) => {
    throw new FrameloomError('not-found', `${from} does not exist`, { path: from, cause });
  });
  const { ffmpegPath } = await findFfmpeg();
  const temporary = await temporaryBeside(target.temporary);
  const forget = removeAtExit(temporary);
  const mp4 = format === 'mp4' ? ['-movflags', '+faststart'] : [];
  const process = new MediaProcess(
    ffmpegPath,
    ffmpegArguments(
      [
        { url: target.url, options: ['-thread_queue_size', '512'] },
        audioInput(from, options.audioStartSeconds ?? 0),
      ],
      {
        url: fileUrl(temporary),
        options: [
          ...['-map', '0:v:0', '-map', '1:a:0?', '-c:v', 'copy', ...codec],
          ...['-t', durationSeconds.toFixed(6), ...mp4],
        ],
      },
    ),
    { stdout: 'ignore' },
  );
  const { signal } = options;
  const cancel = (): void => void process.kill();
  signal?.addEventListener('abort', cancel);
  try {
    const end = await process.ended;
    if (signal?.aborted) throw cancelledError('encoding');
    if (end.code !== 0) {
      throw ffmpegError({ doing: 'encode', path: from, end, stderr: process.stderr });
    }
    await rename(temporary, target.temporary);
  } finally {
    signal?.removeEventListener('abort', cancel);
    await rm(temporary, { force: true });
    forget();
  }
  (options.log ?? silentLogger).debug(`added the sound of ${from}`);
}
