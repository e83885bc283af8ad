import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');

interface Result {
  testResults: { assertionResults: { title: string; status: string }[] }[];
}

it('fails a test that prints, warns or leaves tensors, and no other', async () => {
  const stdout = await new Promise<string>((done, fail) => {
    execFile(
      process.execPath,
      [
        join(root, 'node_modules', 'vitest', 'vitest.mjs'),
        ...['run', '--reporter=json', '--config', 'test/setup/fixtures/vitest.config.ts'],
      ],
      { cwd: root, maxBuffer: 1 << 26, env: { ...process.env, CI: 'true' } },
      (error, out) => (out.includes('{') ? done(out) : fail(error ?? new Error(out))),
    );
  });
  const result = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Result;
  const byStatus = result.testResults
    .flatMap((file) => file.assertionResults)
    .map(({ title, status }) => `${status} | ${title}`);
  expect(byStatus).toEqual([
    'failed | fails: console',
    'failed | fails: stderr',
    'failed | fails: warning',
    'failed | fails: tensors',
    'passed | passes: nothing said',
    'passed | passes: output that it took itself',
  ]);
});
