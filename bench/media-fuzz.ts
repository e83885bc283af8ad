/**
 * Damages files of fifteen kinds in seeded ways and looks at each, decodes it and generates from some.
 * None may hang, bring the process down, leave a process or a file behind, or lose a frame without a
 * word: the frames delivered are those that ffprobe decodes, or an error or a warning was told.
 *
 *   npm run bench -- --only media-fuzz
 *   npx tsx bench/media-fuzz.ts [--files 500] [--seed 1] [--number 17,203] [--generate-every 5]
 *     [--keep FOLDER]
 *
 * Writes bench/results/media-fuzz.json. Exits with 1 where anything was wrong; `--number` does those
 * files again, and `--keep` leaves the damaged files there.
 */
import './support/help.js';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCorpus } from './media-fuzz/corpus.js';
import type { Judgement } from './media-fuzz/judge.js';
import { makeMutant, type Mutant } from './media-fuzz/mutate.js';
import type { Task } from './media-fuzz/worker.js';
import { findFfmpeg } from '../src/video/index.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';

const { values } = parseArgs({
  options: {
    files: { type: 'string' },
    seed: { type: 'string', default: '1' },
    number: { type: 'string' },
    'generate-every': { type: 'string', default: '5' },
    keep: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const count = Number(values.files ?? (values.quick ? 45 : 500));
const every = Number(values['generate-every']);
const numbers =
  values.number?.split(',').map(Number) ?? Array.from({ length: count }, (_, number) => number);

/** A judging process, anew where the last one was brought down. */
class Worker {
  #child: ChildProcess | undefined;

  #start(): ChildProcess {
    return (this.#child ??= fork(inBench('media-fuzz/worker.ts'), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }));
  }

  judge(task: Task): Promise<Judgement> {
    const child = this.#start();
    const { mutant } = task;
    return new Promise((done) => {
      const died = (code: number | null, signal: string | null): void => {
        this.#child = undefined;
        const wrong = [`the process ended with ${signal ?? code}`];
        done({ mutant, outcome: 'refused', frames: 0, expected: null, wrong, said: '' });
      };
      child.once('exit', died);
      child.once('message', (judgement: Judgement) => {
        child.off('exit', died);
        done(judgement);
      });
      child.send(task);
    });
  }

  stop(): void {
    this.#child?.disconnect();
  }
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-fuzz-'));
const folder = resolve(values.keep ?? join(work, 'damaged'));
const started = performance.now();
const judgements: Judgement[] = [];
try {
  await mkdir(folder, { recursive: true });
  const whole = await makeCorpus(work);
  const queue = [...numbers];
  const runner = async (name: string): Promise<void> => {
    const worker = new Worker();
    for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
      const mutant: Mutant = await makeMutant(whole, number, { seed, folder });
      const generate = number % every === 0 || values.number !== undefined;
      const judgement = await worker.judge({ mutant, folder: join(work, name), generate });
      judgements.push(judgement);
      for (const line of judgement.wrong) {
        say(`${number} (${mutant.container}, ${mutant.damage}): ${line}`);
      }
      if (values.keep === undefined) await rm(mutant.path, { recursive: true, force: true });
    }
    worker.stop();
  };
  const names = Array.from({ length: Math.min(4, availableParallelism()) }, (_, i) => `out-${i}`);
  await Promise.all(names.map(runner));
} finally {
  await rm(work, { recursive: true, force: true });
}

judgements.sort((a, b) => a.mutant.number - b.mutant.number);
const containers = [...new Set(judgements.map(({ mutant }) => mutant.container))].sort();
const columns = ['whole', 'damage told', 'refused'] as const;
say(
  `\n${'container'.padEnd(16)}${['files', ...columns, 'wrong'].map((name) => name.padStart(13)).join('')}`,
);
for (const container of [...containers, 'all']) {
  const those = judgements.filter(
    ({ mutant }) => container === 'all' || mutant.container === container,
  );
  const cells = [
    those.length,
    ...columns.map((column) => those.filter(({ outcome }) => outcome === column).length),
    those.filter(({ wrong }) => wrong.length > 0).length,
  ];
  say(`${container.padEnd(16)}${cells.map((cell) => String(cell).padStart(13)).join('')}`);
}
const seconds = (performance.now() - started) / 1000;
const bad = judgements.filter(({ wrong }) => wrong.length > 0);
say(
  `\n${judgements.length} files in ${seconds.toFixed(0)} s, ${bad.length} of them with something wrong`,
);
const { version } = await findFfmpeg();
await writeResult(
  'media-fuzz.json',
  `${JSON.stringify({ machine: machineReport(), ffmpeg: version, seed, seconds, judgements }, null, 2)}\n`,
);
if (bad.length > 0) process.exitCode = 1;
