import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { crc32, ZipWriter } from '../../web/src/session/zip.js';

const run = promisify(execFile);

it('is an archive that another program takes apart', async () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  const zip = new ZipWriter();
  zip.add(
    'frames/000001.png',
    Uint8Array.from({ length: 1000 }, (_, at) => at & 255),
  );
  zip.add('größe.csv', new TextEncoder().encode('frame,left\n0,1\n'));
  zip.add('empty', new Uint8Array(0));
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-zip-'));
  try {
    const file = join(folder, 'a.zip');
    await writeFile(file, new Uint8Array(await zip.end().arrayBuffer()));
    const script = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
z.extractall(sys.argv[2])
print(z.namelist())`;
    const { stdout } = await run('python3', ['-c', script, file, folder]);
    expect(stdout.trim()).toBe("['frames/000001.png', 'größe.csv', 'empty']");
    expect((await readFile(join(folder, 'frames/000001.png')))[999]).toBe(999 & 255);
    expect(await readFile(join(folder, 'größe.csv'), 'utf8')).toBe('frame,left\n0,1\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
