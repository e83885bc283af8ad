import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the numbers were taken on. */
export function machineReport() {
  const [load] = loadavg();
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: Math.round(load! * 100) / 100,
  };
}

/** Share of the cores that others keep busy, above which timings say nothing. */
const BUSY = 0.25;

export const isBusy = (): boolean => loadavg()[0]! > BUSY * availableParallelism();

/** VmRSS or VmHWM of this process in bytes; null where there is no /proc. */
export function statusBytes(field: 'VmRSS' | 'VmHWM'): number | null {
  if (process.platform !== 'linux') return null;
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync('/proc/self/status', 'utf8'),
  );
  return found ? Number(found[1]) * 1024 : null;
}

/** Makes the present resident memory the peak (Linux). */
export function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}
