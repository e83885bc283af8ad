import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { rational } from '../../src/base/rational.js';
import { decodeFrames, encodeFrames, findFfmpeg } from '../../src/video/index.js';
import { say } from '../support/files.js';
import { sizeText, type Size } from '../support/settings.js';
import { spreadText } from '../support/statistics.js';
import { makeClip, run, secondsOf } from './prepare.js';
import { framesAt, type SynthesisSettings } from './settings.js';

const FLAGS = 'flags=bicubic+accurate_rnd+full_chroma_int';
/** What Frameloom writes mp4 by. */
const H264 = '-c:v libx264 -preset veryfast -crf 16 -pix_fmt yuv420p -movflags +faststart -y';

/**
 * Frames through us untouched, against two bare ffmpegs and a pipe, all to the same H.264:
 * `y4m` hands YUV on as it is; `rgb` turns it into RGB and back by ffmpeg's fast conversion;
 * `same` by the exact one, as Frameloom has ffmpeg do it, so what is left is Frameloom's own.
 */
function bareCommands(ffmpeg: string, input: string, output: string, size: Size) {
  const decode = `"${ffmpeg}" -v error -i "${input}"`;
  const encode = `"${ffmpeg}" -v error`;
  const raw = `-f rawvideo -pixel_format rgb24 -video_size ${sizeText(size)} -framerate 25 -i -`;
  const [to, from] = [
    `-vf "scale=${FLAGS}:in_color_matrix=bt601:in_range=tv,format=gbrp,format=rgb24"`,
    `-vf "scale=out_color_matrix=bt709:out_range=tv:${FLAGS},format=yuv420p"`,
  ];
  return {
    y4m: `${decode} -f yuv4mpegpipe - | ${encode} -f yuv4mpegpipe -i - ${H264} "${output}"`,
    rgb: `${decode} -f rawvideo -pix_fmt rgb24 - | ${encode} ${raw} ${H264} "${output}"`,
    same: `${decode} ${to} -f rawvideo - | ${encode} ${raw} ${from} ${H264} "${output}"`,
  };
}

/** Frames through Frameloom's decoder and encoder, against bare pairs of ffmpegs. */
export async function identity(size: Size, { rounds, folder, frames: base }: SynthesisSettings) {
  // Long enough that starting three programs does not count: some seconds of encoding.
  const frames = framesAt(size, 100 * base, 1000);
  const input = await makeClip(folder, size, frames);
  const { ffmpegPath } = await findFfmpeg();
  const bare = bareCommands(ffmpegPath, input, join(folder, 'bare.mp4'), size);
  const target = join(folder, 'through.mp4');
  const ratios: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    const seconds: Record<string, number> = {};
    for (const [name, command] of Object.entries(bare)) {
      seconds[name] = await secondsOf(() => run('sh', ['-c', command]));
    }
    const ours = await secondsOf(() =>
      lastValueFrom(
        decodeFrames(input).pipe(encodeFrames(target, { fps: rational(25), overwrite: true })),
      ),
    );
    for (const [name, value] of Object.entries(seconds)) {
      (ratios[name] ??= []).push(value / ours);
    }
  }
  const said = Object.entries(ratios).map(([name, values]) => `${spreadText(values)} (${name})`);
  say(`${sizeText(size)}: passing through at ${said.join(', ')} of a bare ffmpeg | ffmpeg`);
  return { ...size, frames, ratios };
}
