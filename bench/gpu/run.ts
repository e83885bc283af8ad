/**
 * The bench on the machine with the card: runs each part as a process of its own, in the time that it has, and prints a
 * table. `pack.ts` puts it into a file with all that it needs.
 *
 *   node run.mjs RESULT.json
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PARTS, TENSORFLOW, type Figures, type PartName, type PartResult } from './parts.js';

const MINUTES = 4;
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '..', '..');
const [target = 'frameloom-gpu.json'] = process.argv.slice(2);
const ends = performance.now() + (MINUTES * 60 - 5) * 1000;

const holds = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;

/** Where a driver lies that its loader does not know, and a loader where the machine has none. */
function environment(part: PartName): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, FRAMELOOM_CACHE: join(root, 'cache') };
  const known = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const elsewhere = '/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json';
  if (named === undefined && !known.some(holds) && existsSync(elsewhere)) {
    env.VK_DRIVER_FILES = elsewhere;
  }
  const libraries = [
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib64',
    '/usr/lib',
    '/lib/x86_64-linux-gnu',
  ];
  if (!libraries.some((folder) => existsSync(join(folder, 'libvulkan.so.1')))) {
    env.LD_LIBRARY_PATH = [env.LD_LIBRARY_PATH, join(root, 'lib')].filter(Boolean).join(':');
  }
  const folder = part === 'cuda' ? tensorflowFolder() : undefined;
  if (folder !== undefined) {
    // A library is looked for where this says when the process starts, and nowhere later.
    env.LD_LIBRARY_PATH = [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(':');
    env[TENSORFLOW] = folder;
  }
  return env;
}

/** Where Python's TensorFlow lies, which has the library of the C interface in it. */
function tensorflowFolder(): string | undefined {
  const find = 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])'; // prettier-ignore
  try {
    const folder = execFileSync('python3', ['-c', find], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    }).trim();
    return existsSync(join(folder, 'libtensorflow_cc.so.2')) ? folder : undefined;
  } catch {
    return undefined; // no Python, or none with TensorFlow
  }
}

async function runPart(part: PartName, limitMs: number): Promise<PartResult> {
  const started = performance.now();
  const child = spawn(process.execPath, [join(here, 'part.mjs'), part], {
    env: environment(part),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complained, isLate] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, limitMs);
  const ended = await new Promise<string | null>((done) => {
    child.on('error', (error) => done(error.message));
    child.on('close', (code, signal) => done(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
  clearTimeout(timer);
  const figures = lastFigures(said);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  if (isLate)
    return { part, seconds, figures, failed: `stopped after ${Math.round(limitMs / 1000)} s` };
  // A driver may bring a process down that has said all: what it said stands, and so does that.
  const why = complained.trim().split('\n').at(-1);
  return {
    part,
    seconds,
    figures,
    failed: ended === null ? null : why ? `${ended}: ${why}` : ended,
  };
}

function lastFigures(text: string): Figures | null {
  for (const line of text.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    try {
      return JSON.parse(line) as Figures;
    } catch {
      continue; // cut off in the middle
    }
  }
  return null;
}

const words = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

const results: PartResult[] = [];
for (const { name, seconds } of PARTS) {
  const left = ends - performance.now();
  const result: PartResult =
    left < 2000
      ? { part: name, seconds: 0, figures: null, failed: 'no time was left' }
      : await runPart(name, Math.min(seconds * 1000, left));
  results.push(result);
  process.stdout.write(
    `${name.padEnd(16)} ${`${result.seconds} s`.padStart(8)}  ${result.failed ?? 'done'}\n`,
  );
  for (const [key, value] of Object.entries(result.figures ?? {})) {
    process.stdout.write(`  ${key.padEnd(30)} ${words(value)}\n`);
  }
  // Whatever comes after, this is kept.
  writeFileSync(target, `${JSON.stringify({ version: 1, results }, null, 2)}\n`);
}
process.stdout.write(`written to ${target}\n`);
