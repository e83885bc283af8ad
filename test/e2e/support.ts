import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { PROGRAM, root } from '../program.js';

/** The smallest networks there are, as `--set` pairs: they learn nothing, but take every path. */
export const TINY_NETWORKS = {
  'generator.channels': 4,
  'generator.residualBlocks': 1,
  'generator.branchBlocks': 0,
  'frameDiscriminator.channels': 4,
  'frameDiscriminator.layers': 2,
  'frameDiscriminator.scales': 1,
  'sequenceDiscriminator.channels': 4,
  'sequenceDiscriminator.layers': 2,
  'sequenceDiscriminator.scales': 1,
} as const;

/** `--set key=value` words of a command line. */
export const sets = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

/** A folder for a test file's runs, with the scans of its clips; remove() when done. */
export async function makeWorkFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'frameloom-e2e-'));
  process.env.FRAMELOOM_CACHE = join(path, 'cache');
  return {
    path,
    remove: async () => {
      delete process.env.FRAMELOOM_CACHE;
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Writes a pipeline file of the smallest networks and returns its path. */
export async function writePipeline(
  path: string,
  sections: { data: object; training?: object; generator?: object; losses?: object },
): Promise<string> {
  const { data, training, generator, losses = {} } = sections;
  const patch = { channels: 4, layers: 2, scales: 1 };
  const pipeline = {
    data: { size: '32x24', ...data },
    generator: { channels: 4, residualBlocks: 1, branchBlocks: 0, ...generator },
    frameDiscriminator: patch,
    sequenceDiscriminator: patch,
    losses,
    training: { steps: 2, frames: 3, evaluateFrames: 3, ...training },
  };
  await writeFile(path, stringify(pipeline));
  return path;
}

/** Waits until it holds, looking again every few milliseconds. */
export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The command line as a process of its own, leader of its process group as in a terminal. */
export function startFrameloom(args: readonly string[], env: Readonly<Record<string, string>>) {
  const [command = '', ...words] = PROGRAM;
  const child = spawn(command, [...words, ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    pid: child.pid!,
    /** What it has written so far. */
    stderr: () => stderr,
    /** To it and its children, as Ctrl-C does. */
    signalGroup: (signal: NodeJS.Signals) => process.kill(-child.pid!, signal),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** What it has said on standard error up to now. */
    said: () => stderr,
    ended: once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    })),
  };
}

/** Ids of the processes with this variable in their environment. Linux only. */
export async function processesWith(name: string, value: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(
    ids.map(async (id) => {
      // One that ended meanwhile, or is another user's, is none of ours.
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(`${name}=${value}`) ? [id] : [];
    }),
  );
  return found.flat();
}

/** The lines of a run's log without what the clock says; none while there is no log. */
export async function logLines(run: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(run, 'log.jsonl'), 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      delete parsed.clock;
      return parsed;
    });
}

/** Every snapshot's files, by `snapshot-0000004/tensors.safetensors`. */
export async function snapshotFiles(run: string): Promise<Map<string, Buffer>> {
  const folder = join(run, 'snapshots');
  const files = new Map<string, Buffer>();
  for (const snapshot of (await readdir(folder)).sort()) {
    for (const file of (await readdir(join(folder, snapshot))).sort()) {
      files.set(`${snapshot}/${file}`, await readFile(join(folder, snapshot, file)));
    }
  }
  return files;
}
