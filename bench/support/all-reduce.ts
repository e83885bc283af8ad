/** A network between processes, as an all-reduce meets it. */
export interface Link {
  readonly name: string;
  /** Bytes a second, each way, that one process sends. */
  readonly bytesPerSecond: number;
  /** Of one message. */
  readonly latencySeconds: number;
}

const gigabits = (count: number): number => (count * 1e9) / 8;

/** Nominal rates: what is reached of them is less, which the share below says. */
export const LINKS: readonly Link[] = [
  { name: '10 Gb/s', bytesPerSecond: gigabits(10), latencySeconds: 50e-6 },
  { name: '100 Gb/s', bytesPerSecond: gigabits(100), latencySeconds: 20e-6 },
  { name: '400 Gb/s', bytesPerSecond: gigabits(400), latencySeconds: 10e-6 },
  { name: 'NVLink, 300 GB/s', bytesPerSecond: 300e9, latencySeconds: 3e-6 },
];

/** Of a link's nominal rate, what a ring reaches: an assumption. */
export const REACHED = 0.7;

/** Seconds of a ring all-reduce (Patarasuk & Yuan 2009): each sends 2 (n − 1) / n of the bytes in 2 (n − 1) messages. */
export const ringSeconds = (bytes: number, processes: number, link: Link): number =>
  processes === 1
    ? 0
    : (2 * (processes - 1) * bytes) / processes / link.bytesPerSecond +
      2 * (processes - 1) * link.latencySeconds;

/**
 * The share of its time that each of so many processes computes, where each has the same batch as one by itself (weak
 * scaling) and nothing of the exchange is hidden behind computing.
 * @param small meetings of a few numbers that a step has besides
 */
export function efficiency(
  stepSeconds: number,
  bytes: number,
  small: number,
  processes: number,
  link: Link,
): number {
  const reached = { ...link, bytesPerSecond: REACHED * link.bytesPerSecond };
  const exchange =
    ringSeconds(bytes, processes, reached) + small * ringSeconds(64, processes, reached);
  return stepSeconds / (stepSeconds + exchange);
}
