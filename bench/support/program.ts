import { spawn } from 'node:child_process';
import { inBench } from './files.js';

/** Runs a program with its words on ours, or its output returned. @throws Error where it fails */
export async function runProgram(
  program: string,
  args: readonly string[],
  quiet = false,
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return output.trim();
}

/** Builds the peers' environment where it is missing. @returns its Python */
export const peersPython = (): Promise<string> =>
  runProgram(process.execPath, [inBench('peers/setup.mjs')], true);
