import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'frameloom set-up '));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// As a package holds it, so that what set-up noted in this checkout is not seen.
const installed = join(folder, 'node_modules', 'frameloom');
for (const path of [
  'scripts/setup.mjs',
  'scripts/setup',
  'src/base/lock.mjs',
  'src/base/make-folder.mjs',
  'src/base/owner.mjs',
]) {
  cpSync(join(root, path), join(installed, path), { recursive: true });
}
cpSync(join(root, 'src/base/provisions.mjs'), join(installed, 'src/base/provisions.mjs'));

/** The script in a process of its own, with that much of an environment. */
const setUp = (args: readonly string[], env: NodeJS.ProcessEnv) =>
  new Promise<{ code: number | string | null; stdout: string; stderr: string }>((done) => {
    const script = join(installed, 'scripts', 'setup.mjs');
    const own = { PATH: dirname(process.execPath), HOME: folder, ...env };
    execFile(process.execPath, [script, ...args], { env: own }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, stdout, stderr }),
    );
  });

/** A folder with programs that are shell scripts. */
function programs(name: string, scripts: Readonly<Record<string, string>>): string {
  const place = join(folder, name);
  mkdirSync(place);
  for (const [program, text] of Object.entries(scripts)) {
    writeFileSync(join(place, program), `#!/bin/sh\n${text}\n`);
    chmodSync(join(place, program), 0o755);
  }
  return place;
}

it('asked for ffmpeg alone, it is content with one that is there', async () => {
  const says = (name: string): string =>
    `echo '${name} version 6.1 Copyright'; echo 'libavutil      58. 29.100 / 58. 29.100'`;
  const path = programs('there', { ffmpeg: says('ffmpeg'), ffprobe: says('ffprobe') });
  const cache = join(folder, 'untouched');
  expect(await setUp(['--ffmpeg'], { PATH: path, FRAMELOOM_CACHE: cache })).toEqual({
    code: 0,
    stdout: 'setup: ready: ffmpeg 6.1\n',
    stderr: '',
  });
  expect(readdirSync(folder)).not.toContain('untouched');
});

it.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'does not take what a registry serves under a name for what was published',
  async () => {
    // In place of npm: it puts a file of its own where the package is expected.
    const npm = 'while [ "$1" != --pack-destination ]; do shift; done; echo no > "$2/other.tgz"';
    const path = [programs('registry', { npm }), '/bin'].join(delimiter);
    const old = programs('old', { ffmpeg: 'exit 1', ffprobe: 'exit 1' });
    const cache = join(folder, 'cache');
    const env = { PATH: [old, path].join(delimiter), FRAMELOOM_CACHE: cache };
    const { code, stderr } = await setUp(['--ffmpeg'], env);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^setup: error: what came as @ffmpeg-installer\/linux-x64@4\.1\.0 has sha512 \S+ and not the published Y5BW\S+ — .*\n$/,
      ) as string,
    });
    expect(readdirSync(cache)).toEqual(['locks']);
  },
);

it('says in one line what is wrong', async () => {
  writeFileSync(join(folder, 'file'), '');
  expect(await setUp(['--gpu'], {})).toMatchObject({
    code: 1,
    stderr: 'setup: error: --gpu is not understood — there are only --ffmpeg and --webgpu\n',
  });
  const env = { FRAMELOOM_CACHE: join(folder, 'file', 'cache'), PATH: join(folder, 'nothing') };
  const { code, stderr } = await setUp(['--ffmpeg'], env);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^setup: error: the cache folder .* cannot be made: .*FRAMELOOM_CACHE.*\n$/,
  );
});
