/**
 * How fast is generating? Exports generators of each size with untrained weights (speed does not
 * depend on them) and times, by turns in one run: the generator alone against PyTorch's and Python's
 * ONNX Runtime; whole videos, file to file; the time to the first frame; frames passed through
 * against bare ffmpegs. Each is a file of `bench/synthesis/`.
 *
 *   npx tsx bench/synthesis.ts [--rounds 5] [--frames 40] [--presets tiny,small,base]
 *     [--sizes 128x72,256x144,512x256] [--only generator,video,start,identity] [--quick]
 *     [--python PATH]
 *
 * Writes bench/results/synthesis.json.
 */
import './support/help.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { useBackend } from '../src/backend/index.js';
import { GENERATOR_PRESETS } from '../src/networks/index.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import { parseSize } from './support/settings.js';
import { generatorAlone } from './synthesis/generator.js';
import { identity } from './synthesis/identity.js';
import { startWorker, type Worker } from './support/worker.js';
import type { Point, SynthesisSettings } from './synthesis/settings.js';
import { startUp } from './synthesis/start.js';
import { fileToFile } from './synthesis/video.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    frames: { type: 'string' },
    presets: { type: 'string' },
    sizes: { type: 'string' },
    only: { type: 'string', default: 'generator,video,start,identity' },
    quick: { type: 'boolean', default: false },
    python: { type: 'string', default: inBench('.venv/bin/python') },
  },
});
const { quick } = values;
const only = new Set(values.only.split(','));
const presets = (values.presets ?? (quick ? 'tiny' : 'tiny,small,base')).split(',').map((name) => {
  if (!Object.hasOwn(GENERATOR_PRESETS, name)) throw new Error(`--presets: there is no ${name}`);
  return name as Point['preset'];
});
const sizes = (values.sizes ?? (quick ? '128x72' : '128x72,256x144,512x256'))
  .split(',')
  .map(parseSize);
const points: Point[] = presets.flatMap((preset) => sizes.map((size) => ({ preset, ...size })));

const machine = machineReport();
const folder = await mkdtemp(join(tmpdir(), 'frameloom-bench-'));
const settings: SynthesisSettings = {
  rounds: Number(values.rounds ?? (quick ? 2 : 5)),
  frames: Number(values.frames ?? (quick ? 10 : 40)),
  ...{ quick, folder },
};
const report: Record<string, unknown[]> = {};

async function measure<T>(name: string, list: readonly T[], f: (of: T) => Promise<unknown>) {
  if (!only.has(name)) return;
  say(`\n# ${name}`);
  for (const one of list) (report[name] ??= []).push(await f(one));
}

let peer: Worker | undefined;
try {
  await useBackend();
  await measure('generator', points, (point) => {
    peer ??= startWorker(values.python, 'synthesis_worker.py');
    return generatorAlone(point, settings, peer);
  });
  await measure('video', points, (point) => fileToFile(point, settings));
  await measure('start', points.slice(0, 1), (point) => startUp(point, settings));
  await measure('identity', sizes, (size) => identity(size, settings));
  const { rounds, frames } = settings;
  const whole = { machine, settings: { rounds, frames, quick }, ...report };
  await writeResult('synthesis.json', `${JSON.stringify(whole, null, 2)}\n`);
} finally {
  await peer?.stop();
  await rm(folder, { recursive: true, force: true });
}
