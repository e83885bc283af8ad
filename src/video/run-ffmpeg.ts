import { type CommandInput, type CommandOutput, ffmpegArguments } from './command.js';
import { cancelledError, failedToWrite, ffmpegError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { MediaProcess } from './process.js';

export interface FfmpegRun {
  readonly inputs: readonly CommandInput[];
  readonly output: CommandOutput;
  readonly doing: 'decode' | 'encode';
  /** What an error names. */
  readonly path: string;
  /** Keep what it writes to standard output. Default: thrown away. */
  readonly keepText?: boolean | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs ffmpeg to its end; by `signal` it is ended before.
 * @returns its standard output, where that is kept
 * @throws FrameloomError ffmpeg-failed, bad-input, disk-full, cancelled
 */
export async function runFfmpeg(run: FfmpegRun): Promise<string> {
  const { inputs, output, doing, path, keepText = false, signal } = run;
  const { ffmpegPath } = await findFfmpeg();
  if (signal?.aborted) throw cancelledError('encoding');
  const process = new MediaProcess(ffmpegPath, ffmpegArguments(inputs, output), {
    stdout: 'pipe',
  });
  const cancel = (): void => void process.kill();
  signal?.addEventListener('abort', cancel);
  try {
    const { stdout } = process.child;
    let text = '';
    if (keepText) stdout?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    else stdout?.resume();
    const read = new Promise<void>((resolve) => {
      stdout?.once('close', resolve);
      process.child.once('error', () => resolve());
    });
    const end = await process.ended;
    await read;
    if (signal?.aborted) throw cancelledError('encoding');
    const { stderr } = process;
    if (end.code !== 0 || failedToWrite(stderr)) throw ffmpegError({ doing, path, end, stderr });
    return text;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
