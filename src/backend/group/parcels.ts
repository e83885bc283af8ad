/** Sums numbers of all processes. */
type Sum = (values: readonly number[] | Float32Array) => Promise<Float32Array>;

export interface Parcels {
  readonly gather: (bytes: Uint8Array) => Promise<Uint8Array[]>;
  readonly broadcast: (bytes: Uint8Array | null) => Promise<Uint8Array>;
}

const WORD = 2 ** 16;
/** Numbers in one meeting: a whole state in pieces, so that no buffer is larger than it has to be. */
const MOST = 2 ** 22;

/**
 * Bytes by sums of floating-point numbers: a process that has nothing to say says 0. Two bytes a number, which no
 * rounding, no flushing of the smallest numbers and no NaN can change, on whatever device sums are made.
 */
function toNumbers(bytes: Uint8Array): Float32Array {
  const numbers = new Float32Array(Math.ceil(bytes.length / 2));
  for (let i = 0; i < numbers.length; i += 1) {
    numbers[i] = bytes[2 * i]! + 256 * (bytes[2 * i + 1] ?? 0);
  }
  return numbers;
}

function toBytes(numbers: Float32Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) {
    const number = numbers[i >> 1]!;
    bytes[i] = i % 2 === 0 ? number % 256 : number / 256;
  }
  return bytes;
}

/** Numbers of which each process knows some and has 0 for the others, in as many meetings as it takes. */
async function pooled(numbers: Float32Array, sum: Sum): Promise<Float32Array> {
  if (numbers.length <= MOST) return sum(numbers);
  const all = new Float32Array(numbers.length);
  for (let at = 0; at < numbers.length; at += MOST) {
    all.set(await sum(numbers.slice(at, at + MOST)), at);
  }
  return all;
}

/** How bytes of any length are told by sums. */
export function parcels(rank: number, size: number, sum: Sum): Parcels {
  /** How many bytes each of them has. */
  async function lengths(own: number): Promise<number[]> {
    const said = new Float32Array(2 * size);
    said.set([Math.floor(own / WORD), own % WORD], 2 * rank);
    const all = await sum(said);
    return Array.from({ length: size }, (_, i) => all[2 * i]! * WORD + all[2 * i + 1]!);
  }
  return {
    async gather(bytes) {
      const each = await lengths(bytes.length);
      const words = each.map((length) => Math.ceil(length / 2));
      const starts = words.map((_, i) => words.slice(0, i).reduce((total, one) => total + one, 0));
      const numbers = new Float32Array(words.reduce((total, one) => total + one, 0));
      numbers.set(toNumbers(bytes), starts[rank]);
      const all = numbers.length === 0 ? numbers : await pooled(numbers, sum);
      return each.map((length, i) =>
        toBytes(all.subarray(starts[i], starts[i]! + words[i]!), length),
      );
    },
    async broadcast(bytes) {
      const own = rank === 0 ? bytes! : new Uint8Array();
      const [length] = (await lengths(own.length)) as [number];
      if (length === 0) return new Uint8Array();
      const numbers = rank === 0 ? toNumbers(own) : new Float32Array(Math.ceil(length / 2));
      return toBytes(await pooled(numbers, sum), length);
    },
  };
}
