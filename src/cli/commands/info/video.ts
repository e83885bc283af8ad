import { stat } from 'node:fs/promises';
import { formatRational, rationalToNumber, type Rational } from '../../../base/rational.js';
import { formatBytes } from '../../../base/units.js';
import { probe, type VideoInfo } from '../../../video/index.js';
import { assumedMatrix } from '../../../video/colour.js';
import { filesOf } from '../../../video/sequence.js';
import type { Context } from '../../terminal/context.js';
import { formatFacts } from '../../report/table.js';
import type { Told } from './told.js';

/** Gaps between frames this far from the usual one are told; containers round to a millisecond. */
const UNEVEN = { share: 0.02, seconds: 0.0015 };

/** Shortest and longest time that a frame is shown, seconds. */
function gapsOf(times: Float64Array | null): { shortest: number; longest: number } | null {
  if (!times || times.length < 2) return null;
  let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 1; i < times.length; i += 1) {
    const gap = times[i]! - times[i - 1]!;
    shortest = Math.min(shortest, gap);
    longest = Math.max(longest, gap);
  }
  return { shortest, longest };
}

const perSecond = (fps: Rational): string => {
  const text = formatRational(fps);
  return text.includes('/') ? `${rationalToNumber(fps).toFixed(3)} (${text})` : text;
};

/** What may surprise somebody who trains on it or generates from it. */
function warningsOf(info: VideoInfo): string[] {
  const warnings: string[] = [];
  const gaps = gapsOf(info.frameTimes);
  if (info.variableFrameRate && gaps) {
    const ms = (seconds: number): string => (seconds * 1000).toFixed(1);
    warnings.push(
      `its frames are shown for ${ms(gaps.shortest)} to ${ms(gaps.longest)} ms: each is one frame to a training, unless data.fps says otherwise`,
    );
  }
  if (info.interlaced) {
    warnings.push('it is interlaced: data.deinterlace: true takes the combs out');
  }
  if (info.repeatedFrames > 0) {
    warnings.push(`${info.repeatedFrames} of its frames are repeated, and not stored`);
  }
  if (info.hasAlpha) warnings.push('it has transparency, which is not seen');
  const isRgb = /^(rgb|bgr|gbr|pal8|argb|abgr|gray|ya|mono|x2)/.test(info.pixelFormat);
  if (!isRgb && info.colour.space === null) {
    const assumed = assumedMatrix(info.width, info.height).replace('bt', 'BT.');
    warnings.push(`it does not say how its colours are to be read: ${assumed} is assumed`);
  }
  if (/^(smpte2084|arib-std-b67)$/.test(info.colour.transfer ?? '')) {
    warnings.push('it is HDR: its brightness is taken as it stands, and will look flat');
  }
  return warnings;
}

const isUneven = ({ frameTimes, fps }: VideoInfo): boolean => {
  const gaps = gapsOf(frameTimes);
  const usual = 1 / rationalToNumber(fps);
  const may = Math.max(UNEVEN.seconds, UNEVEN.share * usual);
  return gaps !== null && (gaps.longest - usual > may || usual - gaps.shortest > may);
};

function coloursOf({ colour, pixelFormat, bitDepth }: VideoInfo): string {
  const said = [colour.space, colour.primaries, colour.transfer, colour.range];
  const names = [...new Set(said.filter((name) => name !== null))];
  return [pixelFormat, `${bitDepth} bits`, ...names].join(', ');
}

/** What Frameloom sees of a video: every packet is read, so that what is said is so. */
export async function informOfVideo(place: string, context: Context): Promise<Told> {
  const { log, signal } = context;
  const info = await probe(place, { count: true, log, signal });
  const files = await filesOf(place);
  let bytes = 0;
  for (const file of files) bytes += (await stat(file)).size;
  const { frameTimes, ...rest } = info;
  const warnings = warningsOf(info);
  const gaps = gapsOf(frameTimes);
  const shape = [
    `${info.width}x${info.height}`,
    ...(rationalToNumber(info.sampleAspectRatio) === 1
      ? []
      : [`pixels ${formatRational(info.sampleAspectRatio)} as wide as high`]),
    ...(info.rotation === 0 ? [] : [`turned by ${info.rotation}°`]),
    ...(info.mirrored ? ['mirrored'] : []),
  ];
  const seconds = info.durationSeconds;
  const times =
    gaps === null
      ? 'not known'
      : isUneven(info)
        ? `${(gaps.shortest * 1000).toFixed(1)} to ${(gaps.longest * 1000).toFixed(1)} ms apart`
        : 'even';
  const rows: [string, string][] = [
    ['kind', info.kind === 'sequence' ? `${files.length} pictures (${info.codec})` : info.codec],
    ...(info.kind === 'sequence' ? [] : [['container', info.container] as [string, string]]),
    ['size', shape.join(', ')],
    ['frames', info.frameCount === null ? 'not known' : String(info.frameCount)],
    ['rate', `${perSecond(info.fps)} a second${info.variableFrameRate ? ', variable' : ''}`],
    ['times', times],
    ['duration', seconds === null ? 'not known' : `${seconds.toFixed(3)} s`],
    ['colours', coloursOf(info)],
    ['sound', info.hasAudio ? 'yes' : 'no'],
    ...(files.length === 0 ? [] : [['on disk', formatBytes(bytes)] as [string, string]]),
  ];
  const text = formatFacts(rows) + warnings.map((warning) => `note: ${warning}\n`).join('');
  return {
    facts: { type: 'video', ...rest, frameGapsSeconds: gaps, bytes, warnings },
    text: `${place}\n${text}`,
  };
}
