import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { exportGenerator } from '../../../src/export/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { moduleAt, NODE_WORDS, PROGRAM, root } from '../../program.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';

/** A program that imports our modules, run as a process of its own. */
function script(code: string) {
  const child = spawn(process.execPath, [...NODE_WORDS, '--input-type=module', '-e', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const says = async (word: string): Promise<void> => {
    while (!stdout.includes(word)) await once(child.stdout, 'data');
  };
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stdout,
    stderr,
  }));
  return { child, says, ended };
}

const [node = '', ...start] = PROGRAM;

const WAITS = `
  import { watchInterrupts } from '${moduleAt('cli/terminal/interrupt')}';
  const { signal } = watchInterrupts(() => console.log('heard'));
  setInterval(() => undefined, 1000);
  signal.addEventListener('abort', () => console.log(signal.reason.code));
  console.log('ready');`;

describe('the process', () => {
  it('hears Ctrl-C once, and ends at once at the second', async () => {
    const { child, says, ended } = script(WAITS);
    await says('ready');
    child.kill('SIGINT');
    await says('cancelled');
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stdout: 'ready\nheard\ncancelled\n' });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('takes %s like Ctrl-C', async (signal, code) => {
    const { child, says, ended } = script(WAITS);
    await says('ready');
    child.kill(signal);
    await says('cancelled');
    child.kill(signal);
    expect((await ended).code).toBe(code);
  });

  it('stays quiet when the reader of its output goes away', async () => {
    const { child, says, ended } = script(`
      import { processTerminal } from '${moduleAt('cli/terminal/context')}';
      const terminal = processTerminal();
      terminal.out('first\\n');
      let n = 0;
      setInterval(() => {
        terminal.out('x'.repeat(100000));
        if (++n > 20) process.exit(0);
      }, 10);`);
    await says('first');
    child.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.skipIf(process.platform !== 'linux')('says that its results found no room', async () => {
    const full = await open('/dev/full', 'w');
    const ends = ['schema', '--help'].map(async (word) => {
      const child = spawn(node, [...start, word], {
        cwd: root,
        stdio: ['ignore', full.fd, 'pipe'],
      });
      let stderr = '';
      child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      return [code, stderr];
    });
    const told =
      'error: no space left to write standard output (free some space or write elsewhere)\n';
    expect(await Promise.all(ends)).toEqual([
      [1, told],
      [1, told],
    ]);
    await full.close();
  });

  it('loads no TensorFlow.js where an exported file generates', async () => {
    // TensorFlow.js's core leaves its engine in a global.
    const loads = (words: string[]): string => `
      import { runCommandLine } from '${moduleAt('cli/run-command')}';
      const terminal = { out() {}, err() {}, interactive: false, columns: 80 };
      const code = await runCommandLine(${JSON.stringify(words)}, '1', terminal);
      console.log(code, '_tfengine' in globalThis);`;
    await useBackend();
    const file = scratchPath('generator.onnx');
    await exportGenerator(await openRunModel(await makeRun()), file);
    const clip = await makeClip({ frames: 2 });
    const generate = ['--quiet', 'generate', file, '-i', clip, '-o', scratchPath('made.mkv')];
    const generates = await script(loads(generate)).ended;
    expect([generates.stdout, generates.stderr]).toEqual(['0 false\n', '']);
    expect('_tfengine' in globalThis).toBe(true);
  });

  it('runs as a program', async () => {
    const child = spawn(node, [...start, 'shema'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toEqual([2, "error: unknown command 'shema' (Did you mean schema?)\n"]);
  });
});
