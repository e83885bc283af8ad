import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { cacheFolder } from '../base/cache-folder.js';
import { makeFolder } from '../base/make-folder.mjs';
import { FrameloomError, messageOf } from '../base/error.js';
import { createLogger, type Logger } from '../base/log.js';
import { packageRoot, setupCommand } from '../base/own-package.js';
import { provided } from '../base/provisions.mjs';

/** What the package carries: for each machine its files, compressed, and their sizes when they are not. */
interface Manifest {
  readonly version: string;
  readonly machines: Readonly<Record<string, readonly { name: string; bytes: number }[]>>;
}

const NAME = 'onnxruntime-node';
const NOTE = 'onnxruntime';
const ENTRY = join('dist', 'index.js');
/** What the exported files and the way they are called are tested with. */
const OLDEST = '1.30.0';

/** What the package carries; undefined in a clone that was never packed. */
function carriedIn(vendor: string): Manifest | undefined {
  const path = join(vendor, 'manifest.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}

/** Whether a version is at least another, by its numbers. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (const [i, wanted] of b!.entries()) {
    const have = a![i] ?? 0;
    if (have !== wanted) return have > wanted;
  }
  return true;
}

/**
 * An onnxruntime-node that lies where Frameloom finds packages, because somebody wants another one than
 * comes along: with CUDA, for another machine.
 */
function installed(least: string): string | undefined {
  const require = createRequire(join(packageRoot, 'package.json'));
  try {
    const { version } = require(`${NAME}/package.json`) as { version: string };
    return isAtLeast(version, least) ? require.resolve(NAME) : undefined;
  } catch {
    return undefined; // the usual case
  }
}

/**
 * ONNX Runtime's entry file: of a package that is installed beside Frameloom, of the one that set-up
 * provided, or of the one that Frameloom carries, which is unpacked into the cache once a machine.
 *
 * @throws FrameloomError `backend` where there is none for this machine
 */
export function runtimeEntry(): Promise<string> {
  const vendor = join(packageRoot, 'vendor', 'onnxruntime');
  const cache = cacheFolder();
  const other =
    installed(carriedIn(vendor)?.version ?? OLDEST) ?? entryIn(provided(NOTE, { cache }));
  return other === undefined ? carriedEntry({ vendor, cache }) : Promise.resolve(other);
}

const entryIn = (note: { paths: Record<string, string> } | undefined): string | undefined =>
  note?.paths.folder === undefined ? undefined : join(note.paths.folder, ENTRY);

/** The entry file of the one that the package carries. @throws FrameloomError `backend` */
export async function carriedEntry(places: {
  vendor: string;
  cache: string;
  log?: Logger;
}): Promise<string> {
  const { vendor, cache, log = createLogger() } = places;
  const machine = `${process.platform}-${process.arch}`;
  const carried = carriedIn(vendor);
  if (carried?.machines[machine] === undefined) {
    throw new FrameloomError(
      'backend',
      carried === undefined
        ? 'ONNX Runtime is not set up'
        : `Frameloom carries no ONNX Runtime for ${machine}`,
      {
        hint:
          carried === undefined
            ? `run: ${setupCommand()}`
            : `install the package ${NAME} beside it, if it is published for this machine`,
      },
    );
  }
  const folder = join(cache, `onnxruntime-${carried.version}-${machine}`);
  if (isWhole(folder, carried, machine)) return join(folder, ENTRY);
  let beside: string;
  try {
    await makeFolder(cache);
    beside = await mkdtemp(`${folder}.`);
  } catch (error) {
    const scratch = await mkdtemp(join(tmpdir(), 'frameloom-onnxruntime-'));
    process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
    log.warn(
      `the cache cannot be written (${messageOf(error)}): ONNX Runtime is unpacked anew each time; FRAMELOOM_CACHE names another folder`,
    );
    await unpack(vendor, carried, machine, scratch);
    return join(scratch, ENTRY);
  }
  try {
    await unpack(vendor, carried, machine, beside);
    await place(beside, folder, () => isWhole(folder, carried, machine));
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  return join(folder, ENTRY);
}

const binaryFolder = (machine: string): string => join('bin', 'napi-v6', ...machine.split('-'));

/** By sizes: a cleaner of caches may have taken something since. */
function isWhole(folder: string, { machines }: Manifest, machine: string): boolean {
  return (
    existsSync(join(folder, ENTRY)) &&
    machines[machine]!.every(({ name, bytes }) => {
      const path = join(folder, binaryFolder(machine), name);
      return statSync(path, { throwIfNoEntry: false })?.size === bytes;
    })
  );
}

/** Renames a finished folder to its name; others may be doing the same. */
async function place(beside: string, folder: string, isThere: () => boolean): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await rename(beside, folder);
    } catch (error) {
      if (isThere()) return; // somebody was faster
      if (attempt > 0) throw error;
      await rm(folder, { recursive: true, force: true }); // what is left of a damaged one
    }
  }
}

async function unpack(
  vendor: string,
  { machines }: Manifest,
  machine: string,
  folder: string,
): Promise<void> {
  await cp(join(vendor, 'js'), folder, { recursive: true });
  await makeFolder(join(folder, binaryFolder(machine)));
  for (const { name, bytes } of machines[machine]!) {
    const content = await promisify(brotliDecompress)(
      await readFile(join(vendor, machine, `${name}.br`)),
    );
    if (content.length !== bytes) {
      throw new FrameloomError('backend', `${name} of ONNX Runtime is damaged in the package`, {
        path: join(vendor, machine),
        hint: 'install Frameloom again',
      });
    }
    await writeFile(join(folder, binaryFolder(machine), name), content, { mode: 0o755 });
  }
}
