/**
 * Do locks keep their word? Eight processes want the same dead locks at once: none may end with two
 * owners, or with none. Then they take turns in each, after all of them were killed. Then they take and
 * give back while one after another is killed wherever it just is; at the end every lock is free, and
 * nothing lies beside it.
 *
 *   npm run bench -- --only lock-race
 *   npx tsx bench/lock-race.ts [--processes 8] [--locks 500] [--turns 50] [--kills 200]
 *     [--module FILE]
 *
 * FILE has a `tryLock` of its own, to see that the race finds what is wrong with another lock.
 * Writes bench/results/lock-race.json; exits with 1 on any violation.
 */
import './support/help.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { countOwners, lockNames, LockRace } from '../test/base/lock-race.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '8' },
    locks: { type: 'string' },
    turns: { type: 'string' },
    kills: { type: 'string' },
    module: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const { quick } = values;
const processes = Number(values.processes);
const names = lockNames(Number(values.locks ?? (quick ? 60 : 500)));
const inTurns = names.slice(0, Number(values.turns ?? (quick ? 10 : 50)));
const kills = Number(values.kills ?? (quick ? 20 : 200));
/** Few, so that most takers meet one that was killed just before. */
const roamed = names.slice(0, 5);

const folder = await mkdtemp(join(tmpdir(), 'frameloom-locks-'));
const race = new LockRace(folder, values.module && pathToFileURL(values.module).href);
try {
  await race.leaveDead(names);
  const taken = await race.together('keep', processes, names);
  const owners = countOwners(names, taken);
  const shares = taken.map((each) => each.length);
  say(
    `${processes} processes, ${names.length} dead locks: ${owners.one} with one owner, ` +
      `${owners.none} with none, ${owners.several} with several (${shares.join(' ')})`,
  );

  await race.kill();
  const together = (await race.together('turns', processes, inTurns)).flat();
  const entries = processes * inTurns.length;
  say(`${entries} turns in ${inTurns.length} dead locks: ${together.length} times two at once`);
  await race.kill();

  const shared = await race.roam(processes, kills, roamed);
  const left = await race.leftovers(names);
  say(
    `${kills} killed while they took and gave back: ${shared.length} times two at once, ` +
      `${left.length} files left when all were given back`,
  );

  const wrong =
    owners.one !== names.length || together.length > 0 || shared.length > 0 || left.length > 0;
  const report = { machine: machineReport(), processes, locks: names.length, owners, shares };
  const more = { turns: { entries, together }, kills: { kills, shared, left } };
  await writeResult('lock-race.json', `${JSON.stringify({ ...report, ...more }, null, 2)}\n`);
  say(`written: ${inBench('results/lock-race.json')}`);
  if (wrong) process.exitCode = 1;
} finally {
  await race.kill();
  await rm(folder, { recursive: true, force: true });
}
