import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { usageOf } from '../../bench/support/help.js';

const root = join(import.meta.dirname, '..', '..');
const programs = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, source: readFileSync(join(root, 'bench', name), 'utf8') }))
  // The others are parts of one, or are started by one.
  .filter(({ source }) => /^ {1,2}\* +(npx|npm) /m.test(source));

describe('the benches', () => {
  it('say what they do and take, before anything is loaded', () => {
    expect(programs.map(({ name }) => name)).toContain('index.ts');
    expect(programs.length).toBeGreaterThanOrEqual(11);
    for (const { name, source } of programs) {
      expect([name, /^import (.*)$/m.exec(source)?.[1]]).toEqual([name, "'./support/help.js';"]);
      expect(usageOf(source)).toMatch(/^ +(npx tsx bench|npm run bench)/m);
    }
  });

  it('answer --help', async () => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'bench/lock-race.ts', '--help'],
      { cwd: root },
    );
    expect(stdout).toContain('npx tsx bench/lock-race.ts [--processes 8]');
    expect(stderr).toBe('');
  });
});
