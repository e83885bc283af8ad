import type { Readable } from 'node:stream';
import { defer, type Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { decodeSource } from './decode.js';
import { resolveInput } from './input.js';
import { probeInput } from './probe.js';
import type { DecodeOptions, Frame, ProbeOptions, VideoInfo } from './types.js';

/** How a source is looked at, and decoded whoever asks for its frames. */
export type OpenVideoOptions = ProbeOptions & Pick<DecodeOptions, 'threads'>;

/** A source that has been looked at: its size and rate are known before its first frame is taken. */
export interface OpenedVideo {
  readonly info: VideoInfo;
  /** Its bytes come once: `decode` can be subscribed to once. */
  readonly isStream: boolean;
  /** Of a part: when its first frame is shown, after the first of the whole. */
  readonly beginsSeconds?: number;
  /** Of a part: the whole that it is of. */
  readonly whole?: {
    readonly info: VideoInfo;
    /** Frames of the whole before the part's first: of its own, or at another rate, as `decode` counts them. */
    framesBefore(fps?: DecodeOptions['fps']): number;
  };
  /**
   * Its frames, as `decodeFrames` gives them.
   * @returns errors with bad-option where a stream is decoded a second time
   */
  decode(options?: Omit<DecodeOptions, keyof ProbeOptions | 'info'>): Observable<Frame>;
  /** Lets a stream go that was not decoded to its end. */
  close(): Promise<void>;
}

/**
 * Looks at a source and keeps it open, so that a pipe, which can be read only once, is asked for its
 * size and rate and decoded afterwards. Of a y4m pipe only the header is read before the frames.
 *
 * @param source as of `decodeFrames`: a path, `-` for standard input, or a stream
 * @param options `raw` for bytes without a header; `count` as of `probe`, for files only; `threads` of all
 *   that is decoded of it
 * @throws FrameloomError not-found, bad-input, bad-option, ffmpeg-failed, cancelled
 */
export async function openVideo(
  source: string | Readable,
  options: OpenVideoOptions = {},
): Promise<OpenedVideo> {
  const input = await resolveInput(source);
  const probed = await probeInput(input, options);
  const { info, feed } = probed;
  const isStream = input.kind === 'stream';
  let taken = false;
  return {
    info,
    isStream,
    decode(decodeOptions = {}) {
      const { raw, sequenceFps, signal, log, threads } = options;
      const all = { threads, ...decodeOptions, raw, sequenceFps, signal, log, info };
      if (!isStream) return decodeSource(input.path, all);
      return defer(() => {
        if (taken) {
          throw new FrameloomError('bad-option', 'a stream can be decoded only once');
        }
        taken = true;
        return decodeSource(probed, all);
      });
    },
    close: async () => {
      await feed?.close();
    },
  };
}
