/**
 * Cancels a generation on ONNX Runtime again and again, at random moments, by SIGTERM and by Ctrl-C:
 * each has to end with 130, by SIGTERM 143, and nothing left, and never in a native abort.
 *
 *   npm run bench -- --only cancel-campaign
 *   npx tsx bench/cancel-campaign.ts [--times 100] [--seed 1] [--program dist/cli/main.js]
 *
 * Writes bench/results/cancel-campaign.json. Linux only.
 */
import './support/help.js';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findFfmpeg } from '../src/video/index.js';
import { cancelAgainAndAgain, codeOf, type Ending } from './support/cancelling.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import { makeClip, prepare, run } from './synthesis/prepare.js';

const { values } = parseArgs({
  options: {
    times: { type: 'string' },
    seed: { type: 'string', default: '1' },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    quick: { type: 'boolean', default: false },
  },
});
const times = Number(values.times ?? (values.quick ? 10 : 100));
const seed = Number(values.seed);
const program = resolve(values.program);
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);

/** A generator of which a run takes long enough to be met in the middle. */
const POINT = { preset: 'tiny', width: 256, height: 144 } as const;
const CLIP_FRAMES = 3000;
const LATEST_MS = 4000;

const work = await mkdtemp(join(tmpdir(), 'frameloom-cancel-'));
try {
  const folder = join(work, 'out');
  await mkdir(folder);
  const { path: model } = await prepare(POINT, work);
  // Of a container that is read from a pipe as well.
  const input = join(work, 'clip.ts');
  const { ffmpegPath } = await findFfmpeg();
  const clip = await makeClip(work, POINT, CLIP_FRAMES);
  await run(ffmpegPath, ['-v', 'error', '-i', clip, '-c', 'copy', input]);
  const count = (endings: readonly Ending[], of: (ending: Ending) => string | number | null) => {
    const counts: Record<string, number> = {};
    for (const ending of endings)
      counts[String(of(ending))] = (counts[String(of(ending))] ?? 0) + 1;
    return counts;
  };
  const isWrong = ({ way, code, left, files }: Ending): boolean =>
    code !== codeOf(way) || left.length > 0 || files.length > 0;
  const endings = await cancelAgainAndAgain({
    ...{ program: [process.execPath, program], model, input, folder, times, seed },
    latestMs: LATEST_MS,
    onEnd: (ending) => {
      if (!isWrong(ending)) return;
      const { way, afterMs, code, signal, left, files, stderr } = ending;
      say(
        `${way.by} of a ${way.to} after ${afterMs.toFixed(0)} ms: ${code ?? signal}, left ${left.join()} ${files.join()}\n${stderr}`,
      );
    },
  });
  const wrong = endings.filter(isWrong);
  const took = endings.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const result = {
    machine: machineReport(),
    settings: { times, seed, ...POINT, latestMs: LATEST_MS },
    codes: count(endings, ({ code, signal }) => code ?? signal),
    processesLeft: endings.reduce((sum, { left }) => sum + left.length, 0),
    filesLeft: endings.reduce((sum, { files }) => sum + files.length, 0),
    medianMs: took[Math.floor(took.length / 2)],
    longestMs: took.at(-1),
    wrong,
  };
  say(
    `${times} cancelled: exit codes ${JSON.stringify(result.codes)}, ${result.processesLeft} processes and ${result.filesLeft} files left, ${result.medianMs?.toFixed(0)} ms from signal to end (longest ${result.longestMs?.toFixed(0)} ms)`,
  );
  await writeResult('cancel-campaign.json', `${JSON.stringify(result, null, 2)}\n`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
