// y4m cannot say by which matrix its colours were made, nor always their range.
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, type DecodeOptions } from '../../src/video/index.js';
import { collect, pixelAt } from '../video/frames.js';
import { caseFolder, ffmpeg } from './make.js';

const path = caseFolder();
const BARS = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [0xc0, 0x80, 0x40],
] as const;

interface Source {
  readonly name: string;
  readonly matrix: 'bt709' | 'smpte170m';
  readonly range: 'tv' | 'pc';
  readonly scale?: string;
  /** What y4m's reader has to be told. */
  readonly told: Pick<DecodeOptions, 'colourMatrix' | 'colourRange'>;
}

const SOURCES: readonly Source[] = [
  { name: 'sd709.mp4', matrix: 'bt709', range: 'tv', told: { colourMatrix: 'bt709' } },
  { name: 'sd601.mp4', matrix: 'smpte170m', range: 'tv', told: { colourMatrix: 'bt601' } },
  {
    ...{ name: 'full601.mp4', matrix: 'smpte170m', range: 'pc' },
    told: { colourMatrix: 'bt601', colourRange: 'full' },
  },
  {
    ...{ name: 'hd601.mp4', matrix: 'smpte170m', range: 'tv', scale: ',scale=1280:720' },
    told: { colourMatrix: 'bt601' },
  },
];

beforeAll(async () => {
  const boxes = ['lime', 'blue', '0xC08040'].map(
    (colour, i) => `drawbox=x=${32 * (i + 1)}:w=32:h=72:c=${colour}:t=fill`,
  );
  for (const { name, matrix, range, scale = '' } of SOURCES) {
    const bars = `color=red:s=128x72:r=25,${boxes.join(',')},format=gbrp${scale}`;
    const yuv = `scale=out_color_matrix=${matrix}:out_range=${range},format=yuv444p`;
    const tags = ['-colorspace', matrix, '-color_primaries', matrix, '-color_range', range];
    await ffmpeg(
      ...['-f', 'lavfi', '-i', bars, '-frames:v', '3', '-vf', yuv],
      ...['-c:v', 'libx264', '-qp', '0', ...tags, '-color_trc', matrix, path(name)],
    );
  }
});

/** What is decoded of a pipe that ffmpeg writes, the largest error of a bar's colour. */
async function worst(
  source: string,
  format: readonly string[],
  options: DecodeOptions = {},
): Promise<number> {
  const bytes = await ffmpeg('-i', path(source), ...format, '-strict', '-1', '-');
  const frames = await collect(decodeFrames(Readable.from([bytes]), options));
  expect(frames).toHaveLength(3);
  let most = 0;
  for (const frame of frames) {
    BARS.forEach((bar, i) => {
      const pixel = pixelAt(frame, Math.floor(((i + 0.5) * frame.width) / 4), frame.height >> 1);
      bar.forEach((value, c) => (most = Math.max(most, Math.abs(value - pixel[c]!))));
    });
  }
  return most;
}

describe.each(SOURCES)('$name', ({ name, told }) => {
  it('is exact by a pipe that carries its tags', async () => {
    const matroska = ['-c:v', 'ffv1', '-f', 'matroska'];
    expect(await worst(name, matroska)).toBeLessThanOrEqual(2);
  });

  it('is exact by y4m where matrix and range are told', async () => {
    const y4m = ['-f', 'yuv4mpegpipe'];
    expect(await worst(name, y4m, told)).toBeLessThanOrEqual(2);
  });

  it('keeps its colours when decoded as a file', async () => {
    const [frame] = await collect(decodeFrames(path(name), { frames: 1 }));
    BARS.forEach((bar, i) => {
      const x = Math.floor(((i + 0.5) * frame!.width) / 4);
      const pixel = pixelAt(frame!, x, frame!.height >> 1);
      bar.forEach((value, c) => expect(Math.abs(value - pixel[c]!)).toBeLessThanOrEqual(2));
    });
  });
});

describe('the range of a y4m pipe', () => {
  it('is read where ffmpeg writes it', async () => {
    const y4m = ['-f', 'yuv4mpegpipe'];
    expect(await worst('full601.mp4', y4m, { colourMatrix: 'bt601' })).toBeLessThanOrEqual(2);
  });
});
