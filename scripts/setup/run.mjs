// Running other programs: never through a shell, never with a question, output kept for errors.
import { spawn } from 'node:child_process';

/**
 * @typedef {object} Finished
 * @property {number | null} code exit code; null when it could not start or a signal ended it
 * @property {string} output standard output and error together
 */

/**
 * Runs a program to its end and gives back what it printed.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onText?: (text: string) => void, shell?: boolean }} [options]
 * @returns {Promise<Finished>}
 */
export function run(program, args, { cwd, env = process.env, onText, shell = false } = {}) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    /** @param {Buffer} chunk */
    const take = (chunk) => {
      const text = chunk.toString('utf8');
      output = (output + text).slice(-200_000);
      onText?.(text);
    };
    // Ctrl-C reaches the child through the terminal; a plain kill of set-up has to be passed on.
    const stop = () => void child.kill('SIGTERM');
    process.once('SIGTERM', stop);
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      process.off('SIGTERM', stop);
      resolve({ code: null, output: `${output}${error.message}` });
    });
    child.on('close', (code) => {
      process.off('SIGTERM', stop);
      resolve({ code, output });
    });
  });
}

/**
 * The last line that says something, for an error message.
 *
 * @param {string} output
 * @param {RegExp} [like] prefer the last line that matches
 */
export function lastLine(output, like) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const preferred = like === undefined ? undefined : lines.filter((line) => like.test(line)).at(-1);
  return preferred ?? lines.at(-1) ?? 'it printed nothing';
}
