import { expect, it } from 'vitest';
import { useBackend, type BackendReport } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import { environmentOf, sayOtherEnvironment } from '../../src/training/environment.js';

const report: BackendReport = {
  name: 'tensorflow',
  reason: 'it is the best there is',
  passedOver: [],
  libtensorflow: '2.21.0',
  threads: { intraOp: 2, interOp: 2 },
  oneDnn: 'on',
  gpus: [{ name: 'T4' }],
};

/** What is said when a snapshot's state goes on in an environment. */
function said(state: unknown, now: BackendReport, processor = 'Zen'): string {
  let text = '';
  const log = createLogger({ write: (line) => void (text += line), colours: false });
  sayOtherEnvironment(state, environmentOf(now, processor), log);
  return text;
}

it('is what a training rounds by, and the same each time', async () => {
  expect(environmentOf(report, 'Zen')).toEqual({
    backend: 'tensorflow',
    TensorFlow: '2.21.0',
    device: 'Zen',
    'threads within an op': 2,
    'threads between ops': 2,
    oneDNN: 'on',
  });
  // A card that is not used decides nothing.
  expect(environmentOf({ ...report, name: 'tensorflow-gpu' }).device).toBe('T4');
  const here = await useBackend({ prefer: 'tensorflow' });
  expect(environmentOf(here)).toEqual(environmentOf(await useBackend()));
  expect(JSON.parse(JSON.stringify(environmentOf(here)))).toEqual(environmentOf(here));
});

it('is told where it is another one than a snapshot was made in, and only there', () => {
  const state = { environment: environmentOf(report, 'Zen') };
  expect(said(state, report)).toBe('');
  // Of earlier versions.
  expect(said({ seed: 1 }, report)).toBe('');
  expect(said(state, { ...report, libtensorflow: '2.22.0', oneDnn: 'off' })).toContain(
    'TensorFlow was 2.21.0, is 2.22.0; oneDNN was on, is off',
  );
  const { passedOver, gpus } = report;
  expect(said(state, { name: 'cpu', reason: 'asked for', passedOver, gpus }, 'Atom')).toContain(
    'backend was tensorflow, is cpu; TensorFlow was 2.21.0, is none; device was Zen, is Atom; threads within an op was 2, is none',
  );
});
