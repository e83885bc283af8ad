import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FrameloomError } from '../base/error.js';
import { ffmpegSilent } from './ffmpeg-error.js';
import { environmentFor, findFfmpeg } from './ffmpeg-path.js';

const run = promisify(execFile);
const known = new Map<string, Promise<Names>>();

interface Names {
  readonly read: ReadonlySet<string>;
  readonly write: ReadonlySet<string>;
}

/** The pixel formats that an ffmpeg knows. */
async function ask(ffmpegPath: string): Promise<Names> {
  const { stdout } = await run(ffmpegPath, ['-hide_banner', '-v', 'error', '-pix_fmts'], {
    env: environmentFor(ffmpegPath),
    windowsHide: true,
  }).catch((cause: unknown) => {
    throw ffmpegSilent(ffmpegPath, cause);
  });
  const marked = (mark: RegExp): Set<string> =>
    new Set([...stdout.matchAll(mark)].map(([, name]) => name!));
  return { read: marked(/^I.... (\w+)/gm), write: marked(/^.O... (\w+)/gm) };
}

/**
 * Says before any work whether ffmpeg knows a pixel format to write, or to read; it is asked once.
 * @throws FrameloomError bad-option, ffmpeg-failed where ffmpeg does not answer
 */
export async function assertPixelFormat(
  name: string,
  to: 'read' | 'write' = 'write',
): Promise<void> {
  const { ffmpegPath } = await findFfmpeg();
  const asked = known.get(ffmpegPath) ?? ask(ffmpegPath);
  known.set(ffmpegPath, asked);
  // A failure is not remembered: the user may mend it while we run.
  asked.catch(() => known.delete(ffmpegPath));
  if ((await asked)[to].has(name)) return;
  throw new FrameloomError('bad-option', `"${name}" is not a pixel format that ffmpeg can ${to}`, {
    hint: 'such as yuv420p, yuv444p or rgb24; ffmpeg -pix_fmts names all',
  });
}
