import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A path in `bench/`. */
export const inBench = (path: string): string =>
  fileURLToPath(new URL(`../${path}`, import.meta.url));

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Writes `bench/results/NAME`. */
export async function writeResult(name: string, text: string): Promise<void> {
  await mkdir(inBench('results'), { recursive: true });
  await writeFile(join(inBench('results'), name), text);
}
