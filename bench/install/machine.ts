import { spawn } from 'node:child_process';
import { lstat, mkdir, readdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
}

/** Runs a program without a terminal and keeps what it says. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Ran> {
  const started = performance.now();
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  return { code, output, seconds: (performance.now() - started) / 1000 };
}

/** The same, for what has to succeed. @throws Error with what it said */
export async function must(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Ran> {
  const ran = await run(program, args, options);
  if (ran.code === 0) return ran;
  throw new Error(`${program} ${args.join(' ')} ended with ${ran.code}:\n${ran.output.trim()}`);
}

/** Bytes of all files below a folder, links not followed. */
export async function bytesOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

/**
 * A folder with links to every program on PATH except those named, so that what is not to be there
 * is not, and all else is as it was.
 */
export async function programsWithout(folder: string, left: RegExp): Promise<string> {
  await mkdir(folder, { recursive: true });
  const taken = new Set<string>();
  for (const place of (process.env.PATH ?? '').split(delimiter)) {
    // What npm and tsx put in front of PATH belongs to this checkout.
    if (place === '' || place.includes('node_modules')) continue;
    for (const name of await readdir(place).catch(() => [])) {
      if (taken.has(name) || left.test(name)) continue;
      taken.add(name);
      await symlink(join(place, name), join(folder, name));
    }
  }
  return folder;
}

/** An environment that says nothing of this checkout, with these folders in front of PATH. */
export function cleanEnvironment(
  path: readonly string[],
  more: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|FRAMELOOM_|FFMPEG|FFPROBE|NODE_OPTIONS|INIT_CWD|VITEST)/i.test(name),
  );
  return { ...Object.fromEntries(kept), ...more, PATH: path.join(delimiter) };
}
