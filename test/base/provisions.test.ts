import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { noted, noteProvided, provided } from '../../src/base/provisions.mjs';

/** A cache with an ffmpeg in it, and the folder of a package. */
function places() {
  const folder = mkdtempSync(join(tmpdir(), 'frameloom-provisions-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [cache, root] = [join(folder, 'cache'), join(folder, 'package')];
  for (const path of [join(cache, 'ffmpeg'), root]) mkdirSync(path, { recursive: true });
  return { folder, cache, root };
}

it('what was provided is found from the package, whatever the cache is called later', async () => {
  const { cache, root } = places();
  expect(provided('ffmpeg', { cache, root })).toBeUndefined();
  const paths = { folder: join(cache, 'ffmpeg') };
  await noteProvided('ffmpeg', { paths, instead: 'of a better one' }, { cache, root });
  expect(provided('ffmpeg', { cache: '/elsewhere', root })).toEqual({
    paths,
    instead: 'of a better one',
  });
  expect(provided('tensorflow-cpu', { cache, root })).toBeUndefined();
});

it('a cache that was moved serves another package, and one that was emptied serves none', async () => {
  const { folder, cache, root } = places();
  await noteProvided('ffmpeg', { paths: { folder: join(cache, 'ffmpeg') } }, { cache, root });
  const moved = join(folder, 'moved');
  renameSync(cache, moved);
  expect(provided('ffmpeg', { cache, root })).toBeUndefined();
  expect(provided('ffmpeg', { cache: moved, root: '/no/package' })?.paths).toEqual({
    folder: join(moved, 'ffmpeg'),
  });
  rmSync(join(moved, 'ffmpeg'), { recursive: true });
  expect(provided('ffmpeg', { cache: moved, root: '/no/package' })).toBeUndefined();
});

it('a note that was cut short is none, and a package that cannot be written needs none', async () => {
  const { cache, root } = places();
  // A file where a folder would be: whoever runs as root may write everywhere else.
  const file = join(root, 'package.json');
  writeFileSync(file, '');
  const paths = { folder: join(cache, 'ffmpeg') };
  await noteProvided('ffmpeg', { paths }, { cache, root: file });
  expect(provided('ffmpeg', { cache, root: file })?.paths.folder).toBe(join(cache, 'ffmpeg'));
  writeFileSync(join(cache, 'provisions', 'ffmpeg.json'), '{"paths": {"fol');
  expect(provided('ffmpeg', { cache, root })).toBeUndefined();
});

it('what another package noted in the cache is not yet noted for this one', async () => {
  const { cache, root } = places();
  const other = join(root, 'other');
  mkdirSync(other);
  const paths = { folder: join(cache, 'ffmpeg') };
  await noteProvided('ffmpeg', { paths }, { cache, root: other });
  expect(provided('ffmpeg', { cache, root })?.paths).toEqual(paths);
  expect(noted('ffmpeg', { cache, root })).toBeUndefined();
  await noteProvided('ffmpeg', { paths }, { cache, root });
  expect(noted('ffmpeg', { cache, root })?.paths).toEqual(paths);
  // A folder that cannot be written is served by the cache's note.
  expect(noted('ffmpeg', { cache, root: join(root, 'none') })?.paths).toEqual(paths);
});
