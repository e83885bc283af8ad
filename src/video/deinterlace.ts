import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ffmpegSilent } from './ffmpeg-error.js';
import { environmentFor, findFfmpeg } from './ffmpeg-path.js';

const run = promisify(execFile);

/** One frame out for one frame in; frames that are not interlaced stay as they are. */
const OPTIONS = 'mode=send_frame:parity=auto:deint=interlaced';

const known = new Map<string, Promise<boolean>>();

/** Whether this ffmpeg was built with bwdif. It says that it knows no such filter with status 0. */
async function hasBwdif(program: string): Promise<boolean> {
  const { stdout } = await run(program, ['-hide_banner', '-h', 'filter=bwdif'], {
    env: environmentFor(program),
  }).catch((cause: unknown) => {
    throw ffmpegSilent(program, cause);
  });
  return stdout.includes('Filter bwdif');
}

/**
 * The filter that makes whole pictures of interlaced ones, for `DecodeOptions.preFilter`: bwdif, or
 * yadif where an ffmpeg lacks it.
 * @throws FrameloomError not-found without ffmpeg, ffmpeg-failed where it does not answer
 */
export async function deinterlaceFilter(): Promise<string> {
  const { ffmpegPath } = await findFfmpeg();
  let has = known.get(ffmpegPath);
  if (!has) {
    known.set(ffmpegPath, (has = hasBwdif(ffmpegPath)));
    // A failure is not remembered: the user may mend it while we run.
    has.catch(() => known.delete(ffmpegPath));
  }
  return `${(await has) ? 'bwdif' : 'yadif'}=${OPTIONS}`;
}
