// A wheel is a zip with a RECORD of sha256 hashes: unpack what is used, hold each file to its hash.
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Of } from './download.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, startProgress } from './say.mjs';

const EXTRACT = fileURLToPath(new URL('extract_wheel.py', import.meta.url));

/**
 * @param {string} wheel
 * @param {string} folder
 * @param {string[]} patterns regular expressions on member names, as Python reads them
 * @param {string} python
 */
export async function extractWheel(wheel, folder, patterns, python) {
  const progress = startProgress('unpacking', { everyMs: process.stdout.isTTY ? 200 : 10_000 });
  const { code, output } = await run(python, [EXTRACT, wheel, folder, ...patterns], {
    onText: (text) => {
      const match = /(\d+) (\d+)\n$/.exec(text);
      if (match) progress.update(Number(match[1]), Number(match[2]));
    },
  });
  progress.done();
  if (code === 0) return;
  if (/No space left|Errno 28/.test(output)) {
    throw new SetupError(
      `the disk filled up while unpacking into ${folder}`,
      'free space, or set FRAMELOOM_CACHE to a folder on another disk',
    );
  }
  throw new SetupError(
    `${wheel} cannot be unpacked: ${lastLine(output)}`,
    'the file is damaged: fetch it again',
  );
}

/**
 * The lines of a RECORD: path, sha256 in hex and size in bytes. Lines without a hash (RECORD itself)
 * are left out.
 *
 * @param {string} text CSV by PEP 376 and 427: path, algorithm=urlsafe base64 without padding, size
 * @returns {{ path: string, sha256: string, bytes: number }[]}
 */
export function parseRecord(text) {
  const entries = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*)),sha256=([\w-]+)=*,(\d+)$/.exec(line);
    if (match === null) continue;
    entries.push({
      path: (match[1]?.replaceAll('""', '"') ?? match[2]) || '',
      sha256: Buffer.from(match[3] ?? '', 'base64url').toString('hex'),
      bytes: Number(match[4]),
    });
  }
  return entries;
}

/**
 * Holds every unpacked file to RECORD.
 *
 * @param {string} folder where the wheel was unpacked
 * @param {(path: string) => boolean} used whether a path of RECORD has to be there
 * @returns {Promise<number>} how many files were right
 * @throws {SetupError} when one is missing, changed or not in RECORD
 */
export async function verifyRecord(folder, used) {
  const info = (await readdir(folder)).find((name) => name.endsWith('.dist-info'));
  if (info === undefined || !existsSync(join(folder, info, 'RECORD'))) {
    throw new SetupError('the wheel has no RECORD', 'the file is damaged: fetch it again');
  }
  const entries = parseRecord(await readFile(join(folder, info, 'RECORD'), 'utf8')).filter(
    (entry) => used(entry.path),
  );
  for (const { path, sha256 } of entries) {
    const file = join(folder, path);
    const found = existsSync(file) ? await sha256Of(file) : undefined;
    if (found === sha256) continue;
    const what =
      found === undefined ? 'is missing' : 'does not have the sha256 that its RECORD says';
    throw new SetupError(`${path} of the wheel ${what}`, 'the download is damaged: run it again');
  }
  const listed = new Set(entries.map((entry) => entry.path));
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of all) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name)
      .slice(folder.length + 1)
      .replaceAll('\\', '/');
    if (used(path) && !listed.has(path))
      throw new SetupError(`${path} is not in the wheel's RECORD`);
  }
  return entries.length;
}
