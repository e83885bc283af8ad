import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelAgainAndAgain, codeOf } from '../../bench/support/cancelling.js';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { PROGRAM } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { makeWorkFolder } from './support.js';

const TIMEOUT_MS = 240_000;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
beforeAll(async () => {
  work = await makeWorkFolder();
}, TIMEOUT_MS);
afterAll(() => work.remove());

describe('a generation on ONNX Runtime', { timeout: TIMEOUT_MS }, () => {
  it.skipIf(process.platform !== 'linux')(
    'ends in order whenever and however it is cancelled',
    async () => {
      await useBackend();
      const model = join(work.path, 'generator.onnx');
      // So large that a run takes most of the time: it is what must not be interrupted.
      const run = await makeRun({ data: { size: '256x144' }, generator: { channels: 8 } });
      await exportGenerator(await openRunModel(run), model);
      const input = await makeClip({ width: 256, height: 144, frames: 1500, name: 'long.ts' });
      const folder = join(work.path, 'out');
      await mkdir(folder);
      const endings = await cancelAgainAndAgain({
        program: PROGRAM,
        ...{ model, input, folder, times: 6, seed: 3, latestMs: 5000 },
      });
      const ends = endings.map(({ way, afterMs, code, signal, left, files, stderr }) => ({
        what: `${way.by} of a ${way.to} after ${afterMs.toFixed(0)} ms`,
        ...{ code, signal, left, files, stderr: /Napi|defect|Error/.test(stderr) ? stderr : '' },
      }));
      expect(ends).toEqual(
        endings.map(({ way }, i) => ({
          what: ends[i]?.what,
          ...{ code: codeOf(way), signal: null, left: [], files: [], stderr: '' },
        })),
      );
      expect(ends).toHaveLength(6);
    },
  );
});
