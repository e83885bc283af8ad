import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStepLog, readStepLog } from '../../../src/training/run/step-log.js';
import { testFolder } from './support.js';

const pathIn = async (): Promise<string> => join(await testFolder(), 'log.jsonl');

async function write(path: string, steps: number[], throughStep?: number): Promise<void> {
  const log = await openStepLog(path, throughStep === undefined ? {} : { throughStep });
  for (const step of steps) {
    await log.append({ step, losses: { warp: step / 3 }, clock: { seconds: step } });
  }
  await log.sync();
  await log.close();
}

describe('the step log', () => {
  it('reads back what was added', async () => {
    const path = await pathIn();
    await write(path, [10, 20]);
    expect(await readStepLog(path)).toEqual([
      { step: 10, losses: { warp: 10 / 3 }, clock: { seconds: 10 } },
      { step: 20, losses: { warp: 20 / 3 }, clock: { seconds: 20 } },
    ]);
  });

  it('equals an uninterrupted log after a resume', async () => {
    const [whole, resumed] = [await pathIn(), await pathIn()];
    await write(whole, [10, 20, 30, 40]);
    await write(resumed, [10, 20, 30]);
    await appendFile(resumed, '{"step":40,"los'); // killed in the middle of a line
    await write(resumed, [30, 40], 25);
    expect(await readFile(resumed, 'utf8')).toBe(await readFile(whole, 'utf8'));
  });

  it('takes away what an ending added, and shows it until then', async () => {
    const path = await pathIn();
    await write(path, [10, 20]);
    const whole = await readFile(path, 'utf8');
    const log = await openStepLog(path, { throughStep: 20 });
    await log.append({ step: 20, heldOut: { ssim: 0.5 }, ending: true });
    await log.close();
    expect((await readStepLog(path)).at(-1)).toMatchObject({ ending: true });
    await (await openStepLog(path, { throughStep: 20 })).close();
    expect(await readFile(path, 'utf8')).toBe(whole);
  });

  it('starts empty without a step to keep', async () => {
    const path = await pathIn();
    await write(path, [10]);
    await write(path, [5]);
    expect((await readStepLog(path)).map(({ step }) => step)).toEqual([5]);
  });

  it('takes damage away when it comes after what is kept, and names it when before', async () => {
    const path = await pathIn();
    await writeFile(path, '{"step":1}\n\0\0\0\n{"step":9}\n');
    const log = await openStepLog(path, { throughStep: 5 });
    await log.close();
    expect(await readFile(path, 'utf8')).toBe('{"step":1}\n');
    await writeFile(path, '{"step":1}\nnonsense\n{"step":3}\n');
    await expect(openStepLog(path, { throughStep: 5 })).rejects.toMatchObject({
      code: 'bad-snapshot',
      message: expect.stringContaining(':2 ') as string,
    });
  });

  it('says numbers that JSON has no word for', async () => {
    const path = await pathIn();
    const log = await openStepLog(path);
    await log.append({ step: 1, losses: { a: NaN, b: -Infinity } });
    await log.close();
    expect(await readStepLog(path)).toEqual([{ step: 1, losses: { a: 'NaN', b: '-Infinity' } }]);
  });

  it('reports a log that is not there', async () => {
    await expect(readStepLog(await pathIn())).rejects.toMatchObject({ code: 'not-found' });
    await expect(openStepLog(join(await pathIn(), 'deeper'))).rejects.toMatchObject({
      code: 'write-failed',
    });
  });
});
