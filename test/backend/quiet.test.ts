import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheFolder } from '../../src/base/cache-folder.js';
import { provided } from '../../src/base/provisions.mjs';
import { moduleAt, NODE_WORDS } from '../program.js';

const quiet = moduleAt('backend/quiet');
const backend = moduleAt('backend/index');
const addons = dirname(provided('tensorflow-cpu', { cache: cacheFolder() })!.paths.addon!);

/** What a program says on standard error, in a process of its own: descriptors are shared otherwise. */
const stderrOf = (program: string): string => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [...NODE_WORDS, '--input-type=module', '-e', program],
    { encoding: 'utf8', env: { ...process.env, TF_ENABLE_ONEDNN_OPTS: '1' } },
  );
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stderr;
};

describe('quietly', () => {
  it('keeps the notes of a library back and lets all else through, in order', () => {
    const said = stderrOf(`
      import { writeSync } from 'node:fs';
      import { quietly } from ${JSON.stringify(quiet)};
      writeSync(2, 'before\\n');
      quietly(${JSON.stringify(addons)}, () => {
        writeSync(2, 'WARNING: All log messages before absl::InitializeLog() is called\\n');
        writeSync(2, 'I0000 00:00:1795 1 port.cc:153] a note\\nE0000 a fault\\n');
      });
      writeSync(2, 'after\\n');
    `);
    expect(said).toBe('before\nE0000 a fault\nafter\n');
  });

  it('says everything where the addon is missing, and nothing fails for it', () => {
    const said = stderrOf(`
      import { writeSync } from 'node:fs';
      import { quietly } from ${JSON.stringify(quiet)};
      import { returnFreedMemory } from ${JSON.stringify(moduleAt('backend/process-addon'))};
      quietly('nowhere', () => writeSync(2, 'I0000 00:00:1795 1 port.cc:153] a note\\n'));
      returnFreedMemory();
      quietly(${JSON.stringify(addons)}, () => undefined);
      returnFreedMemory();
    `);
    expect(said).toBe('I0000 00:00:1795 1 port.cc:153] a note\n');
  });

  it('puts standard error back when loading fails', () => {
    const said = stderrOf(`
      import { writeSync } from 'node:fs';
      import { quietly } from ${JSON.stringify(quiet)};
      try {
        quietly(${JSON.stringify(addons)}, () => { throw new Error('no'); });
      } catch (error) {
        writeSync(2, error.message + '\\n');
      }
    `);
    expect(said).toBe('no\n');
  });

  it('loads native TensorFlow without a word', () => {
    const said = stderrOf(`
      import { useBackend } from ${JSON.stringify(backend)};
      const { name } = await useBackend({ prefer: 'tensorflow' });
      if (!name.startsWith('tensorflow')) process.exit(1);
    `);
    expect(said).toBe('');
  });
});
