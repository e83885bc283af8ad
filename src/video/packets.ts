import { type ProbeSource, runFfprobe } from './ffprobe.js';

/** The packets of one stream, read without decoding. */
export interface PacketTable {
  /** Packets that are shown: what an edit list hides is left out. */
  readonly count: number;
  /**
   * When each frame is shown, in order, seconds on the file's clock; null where packets do not all
   * say, or say one time twice. A packet's number never stands in for its time.
   */
  readonly times: Float64Array | null;
  /** From the first time that a packet says to the last, whatever lies between; null where none says. */
  readonly spanSeconds: number | null;
  /** Seconds from each packet to the next as they are decoded, where both say and the clock goes on. */
  readonly decodingGaps: Float64Array;
  /** How long the last one is shown; null where it does not say. */
  readonly lastDurationSeconds: number | null;
  /** Of the stream that they are of; null where there is none. */
  readonly streamIndex: number | null;
}

/** The first video stream, before it is known which number it has. */
export const FIRST_VIDEO = 'v:0';

const numberOf = (text: string): number | null => {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value : null;
};

const hasTwice = (sorted: Float64Array): boolean =>
  sorted.some((time, i) => i > 0 && time <= sorted[i - 1]!);

/**
 * Reads every packet's header: a count that needs no decoding.
 * @throws FrameloomError bad-input, ffmpeg-failed, cancelled
 */
export async function readPackets(
  source: ProbeSource,
  stream: number | typeof FIRST_VIDEO,
  signal?: AbortSignal,
): Promise<PacketTable> {
  const shown: number[] = [];
  const decodingGaps: number[] = [];
  let decoded: number | null = null;
  let count = 0;
  let latest = Number.NEGATIVE_INFINITY;
  let lastDurationSeconds: number | null = null;
  let streamIndex: number | null = null;
  let rest = '';
  const line = (row: string): void => {
    const [index = '', pts = '', dts = '', duration = '', flags = ''] = row.trim().split(',');
    // Packets that an edit list hides are decoded but never shown.
    if (flags === '' || flags.includes('D')) return;
    streamIndex = Number(index);
    count += 1;
    const at = numberOf(dts);
    if (at !== null && decoded !== null && at > decoded) decodingGaps.push(at - decoded);
    decoded = at ?? decoded;
    const time = numberOf(pts);
    if (time === null) return;
    shown.push(time);
    if (time > latest) {
      latest = time;
      lastDurationSeconds = numberOf(duration);
    }
  };
  await runFfprobe(
    source,
    [
      ...['-select_streams', String(stream), '-of', 'csv=p=0'],
      ...['-show_entries', 'packet=stream_index,pts_time,dts_time,duration_time,flags'],
    ],
    (piece) => {
      const rows = (rest + piece).split('\n');
      rest = rows.pop() ?? '';
      rows.forEach(line);
    },
    signal,
  );
  if (rest !== '') line(rest);
  const sorted = Float64Array.from(shown).sort();
  const complete = shown.length === count && count > 0 && !hasTwice(sorted);
  return {
    count,
    times: complete ? sorted : null,
    spanSeconds: sorted.length > 0 ? sorted.at(-1)! - sorted[0]! : null,
    decodingGaps: Float64Array.from(decodingGaps),
    lastDurationSeconds,
    streamIndex,
  };
}
