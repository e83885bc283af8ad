import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');

/** A file and all that it imports by a relative path, as they lie in the checkout. */
async function closure(file: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(file)) return found;
  found.add(file);
  const text = await readFile(file, 'utf8');
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    await closure(join(dirname(file), target!), found);
  }
  return found;
}

it('set-up finds all of its files in a package too, where src/ is not', async () => {
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    files: string[];
  };
  const used = [...(await closure(join(root, 'scripts', 'setup.mjs')))].map((file) =>
    relative(root, file).replaceAll('\\', '/'),
  );
  expect(used).toEqual(expect.arrayContaining(['src/base/lock.mjs', 'src/base/owner.mjs']));
  const unpacked = used.filter(
    (file) => !files.some((entry) => file === entry || file.startsWith(`${entry}/`)),
  );
  expect(unpacked).toEqual([]);
});
