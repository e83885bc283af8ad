/**
 * Four processes share a batch of films and numbered pictures in one folder and are killed, by
 * SIGKILL and at random moments, and begun again until all is done: every output has to be whole and
 * as if nothing had happened, made once, none missing, and nothing left beside them.
 *
 *   npm run bench -- --only kill-campaign
 *   npx tsx bench/kill-campaign.ts [--kills 100] [--seed 1] [--program dist/cli/main.js]
 *
 * Writes bench/results/kill-campaign.json.
 */
import './support/help.js';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inBench, say, writeResult } from './support/files.js';
import { killAgainAndAgain } from './support/killing.js';
import { machineReport } from './support/machine.js';
import { makeClip, prepare } from './synthesis/prepare.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    seed: { type: 'string', default: '1' },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    quick: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills ?? (values.quick ? 10 : 100));
const seed = Number(values.seed);
const program = resolve(values.program);
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);

const POINT = { preset: 'tiny', width: 64, height: 36 } as const;
const PROCESSES = 4;
const LATEST_MS = 400;
/** Clips of so many frames, the first one longer by one each. */
const CLIPS = 12;
const LEAST_FRAMES = 20;

const work = await mkdtemp(join(tmpdir(), 'frameloom-kill-'));
try {
  const { path: model } = await prepare(POINT, work);
  const clips: string[] = [];
  for (let i = 0; i < CLIPS; i += 1) clips.push(await makeClip(work, POINT, LEAST_FRAMES + i));
  const rounds = await killAgainAndAgain({
    ...{ program: [process.execPath, program], model, clips, folder: work },
    ...{ processes: PROCESSES, kills, seed, latestMs: LATEST_MS },
    onRound: (round) => {
      const { outputs, seconds, killedAtWork, faults } = round;
      say(
        `${round.kills} killed (${killedAtWork} at work), ${outputs} outputs in ${seconds.toFixed(0)} s, ${faults.length} faults`,
      );
      for (const fault of faults) say(`  ${fault}`);
    },
  });
  const faults = rounds.flatMap((round) => round.faults);
  const sum = (of: (round: (typeof rounds)[number]) => number): number =>
    rounds.reduce((total, round) => total + of(round), 0);
  const result = {
    machine: machineReport(),
    settings: { kills, seed, ...POINT, processes: PROCESSES, latestMs: LATEST_MS },
    killed: sum((round) => round.kills),
    killedAtWork: sum((round) => round.killedAtWork),
    outputs: sum((round) => round.outputs),
    faults: faults.length,
    rounds,
  };
  const { killed, killedAtWork, outputs } = result;
  say(
    `${killed} killed, ${killedAtWork} of them at work; ${outputs} outputs in ${rounds.length} rounds, ${faults.length} faults`,
  );
  await writeResult('kill-campaign.json', `${JSON.stringify(result, null, 2)}\n`);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
