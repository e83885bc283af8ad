import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface NvidiaCard {
  readonly name: string;
  /** Of the card, where its driver's tool says so. */
  readonly memoryBytes?: number;
  /** Of that, what nobody used when it was asked, which is before this process takes any. */
  readonly freeBytes?: number;
}

/** What is asked of each card; memory in MiB. */
const QUERY = 'name,memory.total,memory.free';

/** Lines of `nvidia-smi --format=csv,noheader,nounits` to the query above. */
export function parseCards(csv: string): NvidiaCard[] {
  const cards: NvidiaCard[] = [];
  for (const line of csv.split('\n')) {
    const match = /^(.+), *(\d+|\[.*\]), *(\d+|\[.*\])$/.exec(line.trim());
    if (match === null) continue;
    const [memory, free] = [match[2], match[3]].map((mib) => Number(mib) * 2 ** 20);
    cards.push({
      name: match[1]!,
      ...(!Number.isNaN(memory) && { memoryBytes: memory! }),
      ...(!Number.isNaN(free) && { freeBytes: free! }),
    });
  }
  return cards;
}

async function ask(): Promise<NvidiaCard[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      [`--query-gpu=${QUERY}`, '--format=csv,noheader,nounits'],
      { timeout: 10_000 },
    );
    return parseCards(stdout);
  } catch {
    // No such program, or a driver that does not answer: the kernel's own list still may.
  }
  const folder = '/proc/driver/nvidia/gpus';
  const entries = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    entries.map((entry) => readFile(join(folder, entry, 'information'), 'utf8').catch(() => '')),
  );
  return texts.flatMap((text) => {
    const name = /^Model:\s*(.+)$/m.exec(text)?.[1];
    return name === undefined ? [] : [{ name: name.trim() }];
  });
}

let cards: Promise<NvidiaCard[]> | undefined;

/** The NVIDIA cards of this machine; looked for once a process. */
export const nvidiaCards = (): Promise<NvidiaCard[]> => (cards ??= ask());
