import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program that imports our sources, run as a process of its own. */
function script(code: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
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

const WAITS = `
  import { watchInterrupts } from './src/cli/interrupt.ts';
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

  it('takes SIGTERM like Ctrl-C', async () => {
    const { child, says, ended } = script(WAITS);
    await says('ready');
    child.kill('SIGTERM');
    await says('cancelled');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(130);
  });

  it('stays quiet when the reader of its output goes away', async () => {
    const { child, says, ended } = script(`
      import { processTerminal } from './src/cli/context.ts';
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

  it('runs as a program', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'shema'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr.split('\n')[0]]).toEqual([2, "error: unknown command 'shema'"]);
  });
});
