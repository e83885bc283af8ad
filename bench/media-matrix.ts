/**
 * The tests of media with every ffmpeg that there is, every way in with every way out. `npm test`
 * tries each way in and each way out, but not each pair, and the cases of real-world files with one
 * ffmpeg alone: all of it takes some twenty minutes.
 *
 *   npm run bench -- --only media-matrix
 *   npx tsx bench/media-matrix.ts [--ffmpeg PATH]… [--quick]
 *
 * Tried are the ffmpeg on PATH, the one that npm carries, and those named, each of the last with the
 * ffprobe beside it or else the one on PATH. Writes bench/results/media-matrix.json; exits with 1
 * where a test failed. `--quick`: each way once.
 */
import './support/help.js';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { provideFfmpeg } from '../scripts/setup/ffmpeg.mjs';
import { say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';

const { values } = parseArgs({
  options: {
    ffmpeg: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
  },
});

const TESTS = ['test/video', 'test/synthesis/video', 'test/cases'];

interface Programs {
  readonly name: string;
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

interface Counts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly success: boolean;
}

const onPath = (program: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));

async function programs(): Promise<Programs[]> {
  const system = { ffmpeg: onPath('ffmpeg'), ffprobe: onPath('ffprobe') };
  const folder = await provideFfmpeg();
  const npm = { ffmpeg: join(folder, 'ffmpeg'), ffprobe: join(folder, 'ffprobe') };
  const found: Programs[] = [];
  for (const [name, { ffmpeg, ffprobe }] of Object.entries({ system, npm })) {
    if (ffmpeg !== undefined && ffprobe !== undefined) found.push({ name, ffmpeg, ffprobe });
    else say(`${name}: not there`);
  }
  for (const ffmpeg of values.ffmpeg) {
    const beside = join(dirname(ffmpeg), 'ffprobe');
    const ffprobe = existsSync(beside) ? beside : system.ffprobe;
    if (!existsSync(ffmpeg) || ffprobe === undefined) throw new Error(`no ffprobe for ${ffmpeg}`);
    found.push({ name: ffmpeg, ffmpeg, ffprobe });
  }
  return found;
}

async function tried({ ffmpeg, ffprobe }: Programs, report: string): Promise<Counts> {
  const child = spawn('npx', ['--no-install', 'vitest', 'run', ...TESTS], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      FRAMELOOM_FFMPEG: ffmpeg,
      FRAMELOOM_FFPROBE: ffprobe,
      FRAMELOOM_TEST_REPORT: report,
      FRAMELOOM_TEST_ALL: values.quick ? '' : '1',
    },
  });
  await new Promise((done, fail) => child.on('error', fail).on('close', done));
  return JSON.parse(await readFile(report, 'utf8')) as Counts;
}

const found = await programs();
if (found.length === 0) throw new Error('there is no ffmpeg to try');
const folder = await mkdtemp(join(tmpdir(), 'frameloom-matrix-'));
const results: Record<string, unknown>[] = [];
try {
  for (const [i, each] of found.entries()) {
    say(`\n## ${each.name}: ${each.ffmpeg}`);
    const started = performance.now();
    const { numPassedTests, numFailedTests, success } = await tried(
      each,
      join(folder, `${i}.json`),
    );
    const seconds = Math.round((performance.now() - started) / 1000);
    say(`${each.name}: ${numPassedTests} passed, ${numFailedTests} failed, ${seconds} s`);
    results.push({
      name: each.name,
      passed: numPassedTests,
      failed: numFailedTests,
      success,
      seconds,
    });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const report = { machine: machineReport(), all: !values.quick, results };
await writeResult('media-matrix.json', `${JSON.stringify(report, null, 2)}\n`);
if (results.some(({ success }) => success !== true)) process.exitCode = 1;
