import type { Logger } from '../base/log.js';
import type { Rational } from '../base/rational.js';
import type { TimesAhead } from './container-clock.js';
import type { PixelFormat } from './pixel-format.js';

/** One picture of a stream. */
export interface Frame {
  /** Counts from 0 in the stream it belongs to. */
  readonly index: number;
  /** When it is shown, after the source's first frame. At a rate that was asked for: frame / fps. */
  readonly timeSeconds: number;
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: PixelFormat;
  /** The nominal rate of its stream, which whoever encodes it goes by; frames of your own need none. */
  readonly fps?: Rational | undefined;
  /** Height × width × channels, rows from the top, no padding. Owned by whoever received it. */
  readonly data: Uint8Array;
}

/** What all frames of a stream have in common. */
export type FrameShape = Pick<Frame, 'width' | 'height' | 'pixelFormat'>;

export type Rotation = 0 | 90 | 180 | 270;

export interface VideoColour {
  /** ffmpeg's name of the matrix, such as bt709 or smpte170m; null when the file does not say. */
  readonly space: string | null;
  readonly primaries: string | null;
  readonly transfer: string | null;
  readonly range: 'limited' | 'full' | null;
}

/** What a source says of itself, before any option of decoding. */
export interface VideoInfo {
  /** The path that was given; null for a stream. */
  readonly path: string | null;
  readonly kind: 'file' | 'stream' | 'sequence' | 'raw';
  /** ffmpeg's names of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  readonly codec: string;
  /** Of all streams in the file, the one that is decoded. */
  readonly streamIndex: number;
  /** Pixels, as displayed: after rotation, before the sample aspect ratio. */
  readonly width: number;
  readonly height: number;
  /** Width of one pixel over its height, after rotation. */
  readonly sampleAspectRatio: Rational;
  /** The constant rate; of a variable one, that of most frames. */
  readonly fps: Rational;
  readonly variableFrameRate: boolean;
  /** Frames in the source; null when the container does not say and nobody asked to count. */
  readonly frameCount: number | null;
  /** `frameCount` was counted, packet by packet; otherwise it is what a header claims. */
  readonly isCounted: boolean;
  /**
   * Of the frames, those that the file does not hold but shows again, as AVI does for frames that were
   * dropped while recording.
   */
  readonly repeatedFrames: number;
  /** Of the video stream; null when unknown, as on a pipe. */
  readonly durationSeconds: number | null;
  /** The first frame's time, after the file's own first timestamp. */
  readonly startSeconds: number;
  /** The file's own first timestamp; null when it has none. */
  readonly containerStartSeconds: number | null;
  /** ffmpeg's name, such as yuv420p10le. */
  readonly pixelFormat: string;
  readonly bitDepth: number;
  readonly hasAudio: boolean;
  readonly hasAlpha: boolean;
  readonly interlaced: boolean;
  readonly colour: VideoColour;
  /** Clockwise degrees by which players turn what is stored; width and height are turned already. */
  readonly rotation: Rotation;
  /** Players mirror what is stored left to right before they turn it. */
  readonly mirrored: boolean;
  /**
   * When each frame is shown, seconds after the first one; null when nobody counted, or when the
   * packets do not all say. Its length is `frameCount`.
   */
  readonly frameTimes: Float64Array | null;
}

/** stretch: exactly that size; pad: whole picture, black bars; crop: fills, edges cut off;
 * keep-aspect: the largest size inside the box. */
export type Fit = 'stretch' | 'pad' | 'crop' | 'keep-aspect';

export interface SizeOptions {
  /** Pixels. With only one of the two, the other follows from the picture's aspect. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Default `stretch`. Needs both width and height. */
  readonly fit?: Fit | undefined;
  /** Sizes that follow from the aspect are rounded to a multiple of it, pixels. Default 1. */
  readonly multipleOf?: number | undefined;
}

/** How to read bytes that carry no header. */
export interface RawInput {
  readonly width: number;
  readonly height: number;
  readonly fps: Rational | number | string;
  /** Any packed or planar format that ffmpeg knows. Default rgb24. */
  readonly pixelFormat?: string | undefined;
}

export type ColourMatrix = 'bt601' | 'bt709' | 'bt2020';

export type OnDamage = 'error' | 'warn';

export interface ProbeOptions {
  /** Count the frames and look for a variable rate by reading every packet. Default false, except
   * that decoding a Matroska or WebM file whose `info` has no count does it. */
  readonly count?: boolean | undefined;
  /** The rate of image sequences and single pictures, which carry none. Default 25. */
  readonly sequenceFps?: Rational | number | string | undefined;
  /** The source has no header. */
  readonly raw?: RawInput | undefined;
  /**
   * What a damaged source ends in: `error` (default) is bad-input, `warn` takes what can be decoded
   * and leaves out what cannot.
   */
  readonly onDamage?: OnDamage | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

/** Pictures that are not decoded as they lie in their files. */
export interface PictureChange {
  /** ffmpeg's decoder of what they are changed into. */
  readonly decoder: 'png' | 'ppm' | 'pgm';
  /** The pixel format that it decodes them to. */
  readonly sourceFormat: 'rgb24' | 'gray';
  /** @throws FrameloomError bad-input for a picture that cannot be read */
  readonly change: (bytes: Uint8Array, file: string) => Uint8Array;
}

export interface DecodeOptions extends ProbeOptions {
  /** Default: the source's own size in square pixels. */
  readonly size?: SizeOptions | undefined;
  /** Frames a second, by repeating and leaving out. Default: the source's. */
  readonly fps?: Rational | number | string | undefined;
  /** Skip to the frame shown nearest to this time after the first frame. Not with startFrame. */
  readonly startSeconds?: number | undefined;
  /** Skip this many frames, as delivered. Frame k is the same one by any start. */
  readonly startFrame?: number | undefined;
  /** Stop after that long. Rounded to a frame. Not with frames. */
  readonly durationSeconds?: number | undefined;
  /** Stop after that many frames. */
  readonly frames?: number | undefined;
  /** Default rgb24. */
  readonly pixelFormat?: PixelFormat | undefined;
  /** An ffmpeg filtergraph on the frames as they would have been delivered (sized, RGB). */
  readonly filter?: string | undefined;
  /** The filtergraph has to give one frame for each: where it does not, that is bad-data at the end. */
  readonly oneToOne?: boolean | undefined;
  /** An ffmpeg filtergraph on the frames as stored, turned upright, before size: `yadif`, `crop=…`. */
  readonly preFilter?: string | undefined;
  /**
   * How frames of another size than the first are brought to it, where the source changes its size:
   * `nearest` mixes no neighbours, as label ids need. Default `smooth`.
   */
  readonly sampling?: 'smooth' | 'nearest' | undefined;
  /** Of pictures: what each is changed into before it is decoded. */
  readonly pictures?: PictureChange | undefined;
  /** Overrules the matrix that the source is tagged with. */
  readonly colourMatrix?: ColourMatrix | undefined;
  readonly colourRange?: 'limited' | 'full' | undefined;
  /** Threads of the decoder, from 1. Default: what it chooses itself. */
  readonly threads?: number | undefined;
  /** What `probe` (best with `count`) said of this source, to spare asking again. */
  readonly info?: VideoInfo | undefined;
}

export type OutputFormatName =
  | 'mp4'
  | 'webm'
  | 'mov'
  | 'mkv'
  | 'gif'
  | 'png'
  | 'jpg'
  | 'webp'
  | 'y4m'
  | 'raw'
  | 'nut'
  | 'mpegts';

/** How the pictures of a film are coded. */
export type VideoCodec = 'h264' | 'hevc' | 'av1' | 'vp9' | 'prores' | 'ffv1';

/** What is carried along from a file beside its sound, on the same clock. */
export interface CarryOptions {
  /** Default: `audioFrom`. */
  readonly from?: string | undefined;
  /** Subtitles that are text. mp4, mov, mkv and webm hold them. Default false. */
  readonly subtitles?: boolean | undefined;
  readonly chapters?: boolean | undefined;
  /** Title, artist and whatever else the file says of itself. Default false. */
  readonly metadata?: boolean | undefined;
}

export interface EncodeOptions extends TimesAhead {
  /**
   * The nominal rate: of a constant source its rate, of another one that of most frames. Default: what
   * the first frame says, else what lies between the times of the first two.
   */
  readonly fps?: Rational | number | string | undefined;
  /** Default: by the target's extension; mp4 for a stream. */
  readonly format?: OutputFormatName | undefined;
  /** Replace a file that is there. Default false: it is an error. */
  readonly overwrite?: boolean | undefined;
  /** Another codec than the format's usual one: mp4 holds h264, hevc and av1, say. */
  readonly codec?: VideoCodec | undefined;
  /**
   * Constant quality: h264 0–51, default 16; hevc 0–51, 20; av1 and vp9 0–63, 30. Lower is better and
   * larger.
   */
  readonly crf?: number | undefined;
  /** Speed of x264 and x265, default `veryfast`; slower is smaller at the same quality. */
  readonly preset?: string | undefined;
  /** Of jpg (default 95) and webp (90, and 100 is without loss), 1 to 100. */
  readonly quality?: number | undefined;
  /** Threads of the encoder. Default: what it chooses itself. */
  readonly threads?: number | undefined;
  /** ffmpeg's pixel format to write instead of the format's own, such as yuv444p. */
  readonly outputPixelFormat?: string | undefined;
  /** What the frames will be, where that is known: ffmpeg then starts before the first one comes. */
  readonly expects?: FrameShape | undefined;
  /** An ffmpeg filtergraph before encoding. */
  readonly filter?: string | undefined;
  /**
   * Carry this file's sound along (of several streams the default one, else the one of most
   * channels), cut to the video's duration. Tried before the first frame is asked for.
   */
  readonly audioFrom?: string | undefined;
  /** Where the first frame stands in audioFrom, seconds after the first frame there. Default 0. */
  readonly audioStartSeconds?: number | undefined;
  /** More of the file: subtitles, chapters, tags. They begin where the sound does. */
  readonly carry?: CarryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

export interface EncodeResult {
  /** Frames taken. */
  readonly frames: number;
  /** Pictures written, where frames had to be repeated to keep their times. */
  readonly framesWritten?: number;
  /** By the frames' times; the last one is shown for a frame of the nominal rate. */
  readonly durationSeconds: number;
  /** Pixels as written: mp4 repeats the last row or column of an odd size. */
  readonly width: number;
  readonly height: number;
  readonly format: OutputFormatName;
  /** Absent when the target is a stream. */
  readonly path?: string;
}
