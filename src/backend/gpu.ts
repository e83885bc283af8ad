import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface NvidiaCard {
  readonly name: string;
  /** Of the card, where its driver's tool says so. */
  readonly memoryBytes?: number;
}

/** Lines of `nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits` (memory in MiB). */
export function parseCards(csv: string): NvidiaCard[] {
  const cards: NvidiaCard[] = [];
  for (const line of csv.split('\n')) {
    const match = /^(.+), *(\d+|\[.*\])$/.exec(line.trim());
    if (match === null) continue;
    const mib = Number(match[2]);
    cards.push(
      Number.isNaN(mib) ? { name: match[1]! } : { name: match[1]!, memoryBytes: mib * 2 ** 20 },
    );
  }
  return cards;
}

async function ask(): Promise<NvidiaCard[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'],
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
