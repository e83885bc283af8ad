import { extname } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { CODEC_FACTS, codecArguments, codecOf, crfOf, FORMAT_CODECS } from './codecs.js';
import { assumedMatrix } from './colour.js';
import type { ContainerClock } from './container-clock.js';
import { SCALE_FLAGS } from './filters.js';
import type { TimesKind } from './output-times.js';
import { PIXEL_LAYOUTS, type PixelFormat } from './pixel-format.js';
import { jpgPlan, webpPlan } from './picture-plans.js';
import type { EncodeSource, OutputPlan, TargetShape } from './plan-types.js';
import type { EncodeOptions, OutputFormatName, VideoCodec } from './types.js';

interface OutputFormat {
  readonly extensions: readonly string[];
  readonly times: TimesKind;
  /** How close two frames can be at least, seconds; absent where that does not matter. */
  readonly gapSeconds?: number;
  /** What its clock can count; absent where that does not matter. */
  readonly clock?: ContainerClock;
  readonly plan: (source: EncodeSource, options: EncodeOptions, target: TargetShape) => OutputPlan;
}

const hasAlpha = (source: EncodeSource): boolean =>
  PIXEL_LAYOUTS[source.pixelFormat].channels === 4;
const isGrey = (source: EncodeSource): boolean => PIXEL_LAYOUTS[source.pixelFormat].channels === 1;
const isDeep = (source: EncodeSource): boolean =>
  PIXEL_LAYOUTS[source.pixelFormat].bytesPerChannel === 2;
const isYuv = (pixelFormat: string): boolean => pixelFormat.startsWith('yuv');

/**
 * RGB into luma and chroma by the matrix that is then written as a tag. Full-range BT.709 frames
 * become limited-range BT.709 video, which is what players expect.
 */
function toYuv(pixelFormat: string, matrix = 'bt709'): string {
  return `scale=out_color_matrix=${matrix}:out_range=tv:flags=${SCALE_FLAGS},format=${pixelFormat}`;
}

/** The same on the frames, which is where some encoders (ProRes) look for it. */
const FRAME_TAGS = 'setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv';
const TAGS = [
  ...['-colorspace', 'bt709', '-color_primaries', 'bt709'],
  ...['-color_trc', 'bt709', '-color_range', 'tv'],
];

/** Subsampled formats need even sizes: the last row or column is repeated, nothing is cut off. */
function evenSize(
  source: Pick<EncodeSource, 'width' | 'height'>,
  x: 1 | 2,
  y: 1 | 2,
): { filters: string[]; width: number; height: number } {
  const [right, bottom] = [source.width % x, source.height % y];
  const [width, height] = [source.width + right, source.height + bottom];
  const filters =
    right + bottom === 0
      ? []
      : [
          `pad=${width}:${height}:0:0`,
          `fillborders=left=0:top=0:right=${right}:bottom=${bottom}:mode=smear`,
        ];
  return { filters, width, height };
}

interface YuvPlan {
  readonly source: EncodeSource;
  readonly options: EncodeOptions;
  readonly pixelFormat: string;
  readonly codec: readonly string[];
  /** The coded size must be even: always (x264), or only as the chroma needs (ProRes: width). */
  readonly even?: readonly [1 | 2, 1 | 2];
}

function yuvPlan({ source, options, pixelFormat, codec, even = [1, 1] }: YuvPlan): OutputPlan {
  const chosen = options.outputPixelFormat ?? pixelFormat;
  const full = /444|^gbr|^gray/.test(chosen);
  const size = full ? evenSize(source, 1, 1) : evenSize(source, even[0], even[1]);
  const { width, height } = size;
  const filters = [...size.filters];
  if (isYuv(chosen)) {
    // swscale averages a last odd column's chroma with what is not there: an even picture is
    // converted, and cut back where the codec can be odd.
    const whole = full ? evenSize(size, 1, 1) : evenSize(size, 2, 2);
    filters.push(...whole.filters, toYuv(chosen));
    if (whole.filters.length > 0) filters.push(`crop=${width}:${height}:0:0:exact=1`);
    filters.push(FRAME_TAGS);
  } else {
    filters.push(`format=${chosen}`);
  }
  return {
    filter: filters.join(','),
    options: [...codec, '-pix_fmt', chosen, ...(isYuv(chosen) ? TAGS : [])],
    width,
    height,
  };
}

/** As decoders of raw video know it on every machine. */
const packedLittleEndian = (pixelFormat: PixelFormat): string => pixelFormat.replace(/be$/, 'le');

const plain = (
  source: EncodeSource,
  pixelFormat: string,
  options: readonly string[],
): OutputPlan => ({
  filter: `format=${pixelFormat}`,
  options: [...options, '-pix_fmt', pixelFormat],
  width: source.width,
  height: source.height,
});

/** The header waits for the first packets: only so does it say where each of the streams begins. */
const FRAGMENTED = '+frag_keyframe+delay_moov+default_base_moof';

/** How a codec is written that many formats hold. */
const codecArgs = (
  codec: VideoCodec,
  options: EncodeOptions,
  shape: TargetShape,
  isMp4: boolean,
): string[] => {
  const encoder = shape.encoder ?? CODEC_FACTS[codec].encoders[0]!;
  return codecArguments(codec, options, { ...shape, encoder, isMp4 });
};

/** What most players can show: half the colour resolution, and so even sizes. */
const usualYuv = (
  source: EncodeSource,
  options: EncodeOptions,
  codec: readonly string[],
): OutputPlan => yuvPlan({ source, options, pixelFormat: 'yuv420p', even: [2, 2], codec });

/** Whether another codec than a format's usual one is asked for. */
function otherCodec(format: OutputFormatName, { codec }: EncodeOptions): VideoCodec | undefined {
  return codec === undefined || codec === FORMAT_CODECS[format]?.[0] ? undefined : codec;
}

/** Matroska counts in milliseconds. */
const MATROSKA_TICK = 0.001;
/**
 * One thread for encoders that only copy: several would each hold a frame back until the next one
 * comes, which on a live pipe may be waiting for this one.
 */
const AT_ONCE = ['-threads:v', '1'];

/** What readers take for the time from a frame to the next, in a field of 32 bits. */
const MP4_CLOCK: ContainerClock = { finest: 10_000, mostTicks: 2 ** 30, mayReorder: true };

/** By which MP4 and QuickTime are told a clock: their own choice would be another one. */
export const clockOption = (ticksPerSecond: number): readonly string[] => [
  '-video_track_timescale',
  String(ticksPerSecond),
];

export const OUTPUT_FORMATS: Readonly<Record<OutputFormatName, OutputFormat>> = {
  mp4: {
    extensions: ['.mp4', '.m4v'],
    times: 'kept',
    clock: MP4_CLOCK,
    plan: (source, options, shape) => {
      const codec = codecArgs(codecOf('mp4', options.codec)!, options, shape, true);
      const plan = usualYuv(source, options, codec);
      const flags = shape.toPipe ? FRAGMENTED : '+faststart';
      const container = [...clockOption(shape.ticksPerSecond), '-movflags', flags, '-f', 'mp4'];
      return { ...plan, options: [...plan.options, ...container] };
    },
  },
  webm: {
    extensions: ['.webm'],
    times: 'kept',
    gapSeconds: MATROSKA_TICK,
    plan: (source, options, shape) => {
      const other = otherCodec('webm', options);
      if (other) {
        const plan = usualYuv(source, options, codecArgs(other, options, shape, false));
        return { ...plan, options: [...plan.options, '-f', 'webm'] };
      }
      const plan = yuvPlan({
        source,
        options,
        pixelFormat: hasAlpha(source) ? 'yuva420p' : 'yuv420p',
        codec: [
          ...['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', crfOf('vp9', options.crf)],
          ...['-deadline', 'good', '-cpu-used', '4', '-row-mt', '1'],
          // Alternate reference frames cannot carry an alpha plane.
          ...(hasAlpha(source) ? ['-auto-alt-ref', '0'] : []),
        ],
      });
      return { ...plan, options: [...plan.options, '-f', 'webm'] };
    },
  },
  mov: {
    extensions: ['.mov'],
    times: 'kept',
    clock: { ...MP4_CLOCK, mayReorder: false },
    plan: (source, options, shape) => {
      const { toPipe, ticksPerSecond } = shape;
      const other = otherCodec('mov', options);
      const profile = hasAlpha(source) ? '4' : '3';
      const plan = other
        ? usualYuv(source, options, codecArgs(other, options, shape, true))
        : yuvPlan({
            source,
            options,
            pixelFormat: hasAlpha(source) ? 'yuva444p10le' : 'yuv422p10le',
            even: [2, 1],
            codec: ['-c:v', 'prores_ks', '-profile:v', profile, '-vendor', 'apl0'],
          });
      // ProRes carries no colour description that old decoders read: the container has to.
      const flags = ['-movflags', toPipe ? `${FRAGMENTED}+write_colr` : '+write_colr'];
      const container = [...clockOption(ticksPerSecond), ...flags, '-f', 'mov'];
      return { ...plan, options: [...plan.options, ...container] };
    },
  },
  mkv: {
    extensions: ['.mkv'],
    times: 'kept',
    gapSeconds: MATROSKA_TICK,
    plan: (source, options, shape) => {
      // A cluster a frame: whoever reads the pipe need not wait for a second of them.
      const live = shape.toPipe ? ['-cluster_time_limit', '1', '-flush_packets', '1'] : [];
      const other = otherCodec('mkv', options);
      if (other) {
        const plan = usualYuv(source, options, codecArgs(other, options, shape, false));
        return { ...plan, options: [...plan.options, '-f', 'matroska', ...live] };
      }
      const lossless: Readonly<Record<PixelFormat, string>> = {
        rgb24: 'bgr0',
        rgba: 'bgra',
        gray: 'gray',
        gray16be: 'gray16le',
        rgb48be: 'gbrp16le',
        rgba64be: 'gbrap16le',
      };
      const codec = [
        ...['-c:v', 'ffv1', '-level', '3', '-g', '1', '-slicecrc', '1', '-f', 'matroska'],
        ...live,
      ];
      const chosen = options.outputPixelFormat ?? lossless[source.pixelFormat];
      return isYuv(chosen)
        ? yuvPlan({ source, options, pixelFormat: chosen, codec })
        : plain(source, chosen, codec);
    },
  },
  gif: {
    extensions: ['.gif'],
    times: 'kept',
    // Shorter delays are taken for a tenth of a second, by browsers and by ffmpeg.
    gapSeconds: 0.02,
    // A delay is a number of 16 bits.
    clock: { ...{ finest: 90_000, mostTicks: Infinity }, longestSeconds: 655.35, showsAgain: true },
    plan: (source, _options, { finalSeconds }) => ({
      // A palette a frame: one for all of them would hold the whole video in memory.
      filter:
        'split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=sierra2_4a',
      // The last delay, which would otherwise be that of the frame before: hundredths of a second.
      options: [
        ...['-f', 'gif', '-loop', '0'],
        ...['-final_delay', String(Math.max(2, Math.round(100 * finalSeconds)))],
      ],
      width: source.width,
      height: source.height,
    }),
  },
  png: {
    extensions: ['.png'],
    times: 'none',
    plan: (source, options, { numbered, toPipe }) =>
      plain(source, options.outputPixelFormat ?? source.pixelFormat, [
        ...['-c:v', 'png', '-f', numbered ? 'image2' : 'image2pipe'],
        ...(toPipe ? [...AT_ONCE, '-flush_packets', '1'] : []),
      ]),
  },
  jpg: {
    extensions: ['.jpg', '.jpeg'],
    times: 'none',
    plan: (source, options, { numbered, toPipe }) => jpgPlan(source, options, { numbered, toPipe }),
  },
  webp: {
    extensions: ['.webp'],
    times: 'none',
    plan: (source, options, { numbered, toPipe }) =>
      webpPlan(source, options, { numbered, toPipe }),
  },
  y4m: {
    extensions: ['.y4m'],
    times: 'constant',
    plan: (source, options) => {
      const usual = `${isGrey(source) ? 'gray' : 'yuv444p'}${isDeep(source) ? '16le' : ''}`;
      const chosen = options.outputPixelFormat ?? usual.replace('yuv444p16le', 'yuv444p12le');
      // y4m has no tag for the matrix: the one that readers assume of this size.
      const matrix = assumedMatrix(source.width, source.height);
      return {
        filter: isYuv(chosen) ? toYuv(chosen, matrix) : `format=${chosen}`,
        options: [
          ...['-c:v', 'wrapped_avframe', ...AT_ONCE, '-f', 'yuv4mpegpipe', '-strict', '-1'],
          ...['-pix_fmt', chosen, '-flush_packets', '1'],
        ],
        width: source.width,
        height: source.height,
      };
    },
  },
  raw: {
    extensions: ['.raw', '.rgb', '.rgba', '.yuv'],
    times: 'constant',
    plan: (source, options) => {
      const chosen = options.outputPixelFormat ?? source.pixelFormat;
      const codec = ['-c:v', 'rawvideo', ...AT_ONCE, '-f', 'rawvideo', '-flush_packets', '1'];
      const made = plain(source, chosen, codec);
      // Like y4m it has no tag for the matrix.
      const matrix = assumedMatrix(source.width, source.height);
      return isYuv(chosen) ? { ...made, filter: toYuv(chosen, matrix) } : made;
    },
  },
  nut: {
    extensions: ['.nut'],
    times: 'kept',
    // Uncompressed like raw, but with size, rate and times: for piping between programs.
    plan: (source, options) =>
      plain(source, options.outputPixelFormat ?? packedLittleEndian(source.pixelFormat), [
        ...['-c:v', 'rawvideo', ...AT_ONCE, '-f', 'nut', '-flush_packets', '1'],
      ]),
  },
  mpegts: {
    extensions: ['.ts'],
    times: 'kept',
    gapSeconds: 1 / 90_000,
    // In segments it is MP4 first. Its own clock begins anew after 33 bits: half of that is one way.
    clock: { ...MP4_CLOCK, longestSeconds: 2 ** 32 / 90_000 },
    plan: (source, options, shape) => {
      const plan = usualYuv(source, options, [
        ...codecArgs(codecOf('mpegts', options.codec)!, options, shape, false),
        // Looking ahead would hold some forty frames back from whoever reads the pipe.
        ...(shape.toPipe ? ['-tune', 'zerolatency', '-g', '50'] : []),
      ]);
      return { ...plan, options: [...plan.options, '-f', 'mpegts', '-flush_packets', '1'] };
    },
  },
};

/** ffmpeg's own names of the formats, which people know from its command line. */
const ALIASES: Readonly<Record<string, OutputFormatName>> = {
  jpeg: 'jpg',
  rawvideo: 'raw',
  matroska: 'mkv',
  yuv4mpegpipe: 'y4m',
};

/** What raw frames are taken for by whoever knows no more than the file's name. */
const RAW_LAYOUTS: Readonly<Record<string, string>> = {
  '.rgb': 'rgb24',
  '.rgba': 'rgba',
  '.yuv': 'yuv420p',
};

/** The pixel format that the name of a file of raw frames promises; undefined where it does not. */
export const promisedPixelFormat = (target: string): string | undefined =>
  RAW_LAYOUTS[extname(target).toLowerCase()];

/** Whether a format is of pictures, a file each. */
export const isPictureFormat = (format: OutputFormatName): boolean =>
  OUTPUT_FORMATS[format].times === 'none';

export const OUTPUT_FORMAT_NAMES = Object.keys(OUTPUT_FORMATS) as OutputFormatName[];

/**
 * The format of a target: as named (ffmpeg's names rawvideo, matroska and yuv4mpegpipe too), else by
 * extension.
 * @throws FrameloomError bad-option
 */
export function formatOf(target: string | undefined, named?: string): OutputFormatName {
  if (named !== undefined) {
    const known = ALIASES[named] ?? OUTPUT_FORMAT_NAMES.find((name) => name === named);
    if (known) return known;
  } else if (target === undefined) {
    return 'mp4';
  } else {
    const extension = extname(target).toLowerCase();
    const known = OUTPUT_FORMAT_NAMES.find((name) =>
      OUTPUT_FORMATS[name].extensions.includes(extension),
    );
    if (known) return known;
  }
  if (named !== undefined) {
    throw new FrameloomError('bad-option', `"${named}" is no format that can be written`, {
      hint: `one of ${OUTPUT_FORMAT_NAMES.join(', ')}`,
    });
  }
  const extensions = OUTPUT_FORMAT_NAMES.flatMap((name) => OUTPUT_FORMATS[name].extensions);
  throw new FrameloomError('bad-option', `${target} has no extension that can be written`, {
    hint: `one of ${extensions.join(' ')}, or say which format it is`,
    path: target!,
  });
}
