import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber, type Rational } from '../base/rational.js';
import { findFfmpeg } from '../video/ffmpeg-path.js';
import { identityOf } from '../video/sequence.js';
import type { OnDamage, VideoInfo } from '../video/types.js';
import type { MediaCache } from './media-cache.js';
import { SMALLEST_SIDE } from './options.js';
import { sequenceAt } from './pairs.js';
import { sizesText } from './picture-header.js';
import { assertOneSeries } from './series.js';

/** Raised whenever a look would come out otherwise for the same file. */
const LOOK_VERSION = 1;

const rate = z.strictObject({ num: z.int().positive(), den: z.int().positive() });
const words = z.string().nullable();
const amount = z.number().nullable();

const videoInfo = z.strictObject({
  path: words,
  kind: z.enum(['file', 'stream', 'sequence', 'raw']),
  container: z.string(),
  codec: z.string(),
  streamIndex: z.int(),
  width: z.int(),
  height: z.int(),
  sampleAspectRatio: rate,
  fps: rate,
  variableFrameRate: z.boolean(),
  frameCount: amount,
  isCounted: z.boolean(),
  repeatedFrames: z.int(),
  durationSeconds: amount,
  startSeconds: z.number(),
  containerStartSeconds: amount,
  pixelFormat: z.string(),
  bitDepth: z.int(),
  hasAudio: z.boolean(),
  hasAlpha: z.boolean(),
  interlaced: z.boolean(),
  colour: z.strictObject({
    ...{ space: words, primaries: words, transfer: words },
    range: z.enum(['limited', 'full']).nullable(),
  }),
  rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]),
  mirrored: z.boolean(),
  /** Of float64, as base64. */
  frameTimes: words,
}) satisfies z.ZodType<Omit<VideoInfo, 'frameTimes'> & { frameTimes: string | null }>;

const keptLook = z.strictObject({
  version: z.literal(LOOK_VERSION),
  path: z.string(),
  /** Of all files that were looked at: names, sizes and dates. */
  identity: z.string(),
  info: videoInfo,
  told: z.array(z.strictObject({ level: z.enum(['info', 'warn']), text: z.string() })),
});
type Told = z.output<typeof keptLook>['told'];

/** The doubles of a kept text. */
function timesOf(text: string | null): Float64Array | null {
  if (text === null) return null;
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float64Array(bytes.buffer);
}

const textOf = (times: Float64Array | null): string | null =>
  times && Buffer.from(times.buffer, times.byteOffset, times.byteLength).toString('base64');

/** Who looks: what it may use, and who hears of it. */
export interface LookContext {
  readonly cache: MediaCache;
  readonly onDamage: OnDamage;
  readonly log: Logger;
  /** Names, sizes and dates of what was looked at, by path: asked for once in an opening. */
  readonly identities: Map<string, string | null>;
}

/** {@link identityOf}, asked for once. */
export async function identityOnce(
  path: string,
  { identities }: Pick<LookContext, 'identities'>,
): Promise<string | null> {
  const known = identities.get(path);
  if (known !== undefined) return known;
  const identity = await identityOf(path);
  identities.set(path, identity);
  return identity;
}

/** A logger that writes down what it passes on. */
function listening(log: Logger): { log: Logger; told: Told } {
  const told: Told = [];
  const at =
    (level: 'info' | 'warn') =>
    (text: string, fields?: object): void => {
      told.push({ level, text });
      log[level](text, fields);
    };
  return { told, log: { ...log, info: at('info'), warn: at('warn') } };
}

async function look(
  path: string,
  { onDamage, log }: LookContext,
  signal: AbortSignal,
): Promise<{ info: VideoInfo; told: Told }> {
  await assertOneSeries(path);
  const heard = listening(log);
  const sequence = await sequenceAt(path);
  // Of missing pictures all that there is to say is said where they are paired.
  const own = sequence ? {} : { log: heard.log };
  const sizes = sequence && (await sizesText(sequence.files));
  if (sizes !== undefined) heard.log.warn(`${path}: ${sizes}`);
  // What was looked at before is remembered: then nothing that talks to ffmpeg is needed.
  const { probe } = await import('../video/probe.js');
  const info = await probe(path, { onDamage, count: true, signal, ...own });
  if (info.width < SMALLEST_SIDE || info.height < SMALLEST_SIDE) {
    throw new FrameloomError(
      'bad-data',
      `${path} is ${info.width}x${info.height} pixels, too small to learn from`,
      { hint: `both sides need at least ${SMALLEST_SIDE} pixels`, path },
    );
  }
  return { info, told: heard.told };
}

/**
 * Looks at a clip or a condition, packet by packet, or finds what an earlier look said of the same
 * files.
 * @throws FrameloomError bad-data for a folder of several series and for what is too small; what
 *   `probe` throws
 */
export async function lookAt(
  path: string,
  context: LookContext,
  signal: AbortSignal,
): Promise<VideoInfo> {
  const { cache, onDamage, log } = context;
  const { version: ffmpeg } = await findFfmpeg();
  const place = cache.placeOf('look', [LOOK_VERSION, path, onDamage, ffmpeg]);
  const identity = place === null ? null : await identityOnce(path, context);
  const kept = identity === null ? undefined : await cache.read(place, keptLook);
  if (kept?.identity === identity) {
    for (const { level, text } of kept.told) log[level](text);
    return { ...kept.info, frameTimes: timesOf(kept.info.frameTimes) };
  }
  const { info, told } = await look(path, context, signal);
  if (identity !== null) {
    const plain = { ...info, frameTimes: textOf(info.frameTimes) };
    await cache.write(place, { version: LOOK_VERSION, path, identity, info: plain, told });
  }
  return info;
}

/** Pictures have no rate of their own: they are played at that of the clips. */
export function atRate(info: VideoInfo, fps: Rational): VideoInfo {
  if (info.kind !== 'sequence') return info;
  const { frameCount } = info;
  const durationSeconds = frameCount === null ? null : frameCount / rationalToNumber(fps);
  return { ...info, fps, durationSeconds };
}
