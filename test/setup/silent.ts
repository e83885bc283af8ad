// Runs before every test file: a suite says nothing. A test fails when it prints, when the process
// warns during it, or when it leaves tensors behind. A test that expects output takes it: vi.spyOn,
// or a logger with its own `write`.
import { createRequire } from 'node:module';
import type * as TfCore from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeEach } from 'vitest';
import { checkGraphs } from '../../src/backend/graph/check.js';

const require = createRequire(import.meta.url);
const said: string[] = [];

// A graph whose key leaves something out is a silently wrong number.
checkGraphs(true);

for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
  console[name] = (...words: unknown[]): void => {
    said.push(`console.${name}: ${words.map(String).join(' ')}`);
  };
}
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name];
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    said.push(`process.${name}: ${String(chunk).trimEnd()}`);
    const done = rest.find((value) => typeof value === 'function');
    if (done !== undefined) process.nextTick(done);
    return true;
  };
}
const onWarning = (warning: Error): void => {
  said.push(`${warning.name}: ${warning.message}`);
};
process.on('warning', onWarning);

/** Tensors alive now; undefined while nothing has loaded TensorFlow.js, which is slow to load. */
function tensorsAlive(): number | undefined {
  const loaded = require.cache[require.resolve('@tensorflow/tfjs-core')];
  const core = loaded?.exports as typeof TfCore | undefined;
  // Of the engine and not of memory(), which fails while no backend is chosen.
  return core?.engine().state.numTensors;
}

let before: number | undefined;

beforeEach(() => {
  before = tensorsAlive();
});

/** Fails what is running when something was said. */
function assertSilence(where: string): void {
  const output = said.splice(0);
  if (output.length > 0)
    throw new Error(`${where} printed or caused a warning:\n${output.join('\n')}`);
}

afterEach(() => {
  assertSilence('the test');
  const left = (tensorsAlive() ?? 0) - (before ?? 0);
  if (left > 0) throw new Error(`the test left ${left} tensors behind`);
});

afterAll(() => {
  // Warnings are emitted a tick after their cause, which may be after the last test.
  assertSilence('something outside of the tests');
  // Where files share a process, the next one has a listener of its own.
  process.off('warning', onWarning);
});
