import type { OutputFormatName } from './types.js';

/** ffmpeg's encoder of a container's sound, and what it takes. */
export interface SoundEncoder {
  readonly options: readonly string[];
  /** ffmpeg's names of the channel layouts; null where it takes any number of channels. */
  readonly layouts: readonly string[] | null;
}

/** The orders of channels of Vorbis, which Opus and FLAC have too. */
const VORBIS_LAYOUTS = ['mono', 'stereo', '3.0', 'quad', '5.0', '5.1', '6.1', '7.1'];

const AAC: SoundEncoder = {
  options: ['-c:a', 'aac', '-b:a', '192k'],
  // What every player of AAC knows without a table of its own in the file.
  layouts: ['mono', 'stereo', '3.0', '4.0', '5.0', '5.1'],
};
const PCM: SoundEncoder = { options: ['-c:a', 'pcm_s16le'], layouts: null };

/** Formats that are not named hold no sound. */
export const SOUND_ENCODERS: Readonly<Partial<Record<OutputFormatName, SoundEncoder>>> = {
  mp4: AAC,
  mpegts: AAC,
  webm: { options: ['-c:a', 'libopus', '-b:a', '128k'], layouts: VORBIS_LAYOUTS },
  mkv: { options: ['-c:a', 'flac'], layouts: VORBIS_LAYOUTS },
  mov: PCM,
  nut: PCM,
};

/** The most channels whose places mixing goes by: those of 7.1. */
const MOST_PLACED = 8;

/** One way to bring channels into a layout that the encoder takes. */
export interface ChannelFilter {
  /** An ffmpeg filter; empty where nothing is to be done. */
  readonly filter: string;
  /** What it makes of the sound, where that is more than another order. */
  readonly note?: string;
}

/**
 * Ways to bring that many channels to an encoder, the best first. The last works with any: channels
 * whose places nobody knows are mixed, every other one to the left and to the right.
 */
export function channelFilters(encoder: SoundEncoder, channels: number): readonly ChannelFilter[] {
  const { layouts } = encoder;
  const usual = layouts === null ? '' : `aformat=channel_layouts=${layouts.join('|')}`;
  const sides = [0, 1].map((side) =>
    Array.from({ length: channels }, (_, i) => i)
      .filter((i) => i % 2 === side)
      .map((i) => `c${i}`)
      .join('+'),
  );
  const [left = 'c0', right = ''] = sides;
  const mixed: ChannelFilter = {
    // With `<` the parts of a mix add up to one: it cannot be too loud.
    filter: `pan=stereo|c0<${left}|c1<${right === '' ? left : right}`,
    note: `its ${channels} channels are mixed to stereo`,
  };
  // Of layouts beyond those ffmpeg mixes only the channels that it knows a place for.
  if (layouts !== null && channels > MOST_PLACED) return [mixed];
  return [{ filter: usual }, mixed];
}
