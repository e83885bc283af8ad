import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownCommand, ownName, quoteWord, type Start } from '../../src/base/own-command.js';
import { scratchPath } from '../video/make-clip.js';

let script: string;
let bin: string;

beforeAll(async () => {
  const folder = scratchPath('package');
  script = join(folder, 'dist', 'cli', 'main.js');
  await mkdir(join(folder, 'dist', 'cli'), { recursive: true });
  await writeFile(script, '');
  bin = scratchPath('bin');
  await mkdir(bin);
  await symlink(script, join(bin, 'frameloom'));
});

const start = (changes: Partial<Start>): Start => ({
  ...{ env: { PATH: '/usr/bin' }, cwd: '/', script, platform: 'linux' },
  ...changes,
});

describe('how Frameloom is called', () => {
  it('is what somebody can type where they are', async () => {
    expect(ownName(start({ cwd: bin }))).toBe(`node ${script}`);
    expect(ownName(start({ cwd: join(script, '..', '..', '..', '..') }))).toMatch(
      /^node \d+-package\/dist\/cli\/main\.js$/,
    );
    expect(ownName(start({ env: { PATH: `/usr/bin:${bin}` } }))).toBe('frameloom');
    // A clone, and a folder in it.
    const clone = join(script, '..', '..', '..');
    await writeFile(join(clone, 'package.json'), '{}');
    expect(ownName(start({ cwd: join(clone, 'dist') }))).toBe('npx frameloom');
    // Where it is installed.
    const project = scratchPath('project');
    await mkdir(join(project, 'node_modules', '.bin'), { recursive: true });
    await writeFile(join(project, 'node_modules', '.bin', 'frameloom'), '');
    await chmod(join(project, 'node_modules', '.bin', 'frameloom'), 0o755);
    expect(ownName(start({ cwd: project }))).toBe('npx frameloom');
  });

  it('is by the package manager that started it, whose PATH is not the shell’s', () => {
    const by = (agent: string) =>
      ownName(
        start({ env: { PATH: bin, npm_config_user_agent: `${agent}/9.0.0 npm/? node/v20` } }),
      );
    expect(['npm', 'pnpm', 'yarn', 'bun'].map(by)).toEqual([
      ...['npx frameloom', 'pnpm exec frameloom', 'yarn frameloom', 'bunx frameloom'],
    ]);
  });

  it('has its words quoted as the shell needs it', () => {
    expect(quoteWord('runs/00001-x', 'linux')).toBe('runs/00001-x');
    expect(quoteWord('my runs/it’s $HOME', 'linux')).toBe("'my runs/it’s $HOME'");
    expect(quoteWord("it's", 'linux')).toBe(String.raw`'it'\''s'`);
    expect(quoteWord('', 'linux')).toBe("''");
    expect(quoteWord(String.raw`C:\my runs`, 'win32')).toBe(String.raw`"C:\my runs"`);
    expect(ownCommand('evaluate', 'my runs/1')).toMatch(/ evaluate 'my runs\/1'$/);
  });
});
