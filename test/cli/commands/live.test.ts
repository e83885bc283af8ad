import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { browserCommand, hasScreen } from '../../../src/cli/commands/live/open-browser.js';
import { encodeClient } from '../../../src/play/live/protocol.js';
import { ask, dial, until } from '../../serve/support.js';
import { PROGRAM } from '../../program.js';
import { makeRun } from '../../synthesis/make-run.js';
import { frameloom } from '../support.js';

/** Bytes that a process holds in memory; null where the system does not say so. */
function resident(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * 1024;
  } catch {
    return null;
  }
}

async function start(...words: string[]) {
  const [program = '', ...own] = PROGRAM;
  const child = spawn(program, [...own, 'live', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // As in a terminal, whose Ctrl-C goes to all of its group.
    detached: true,
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = new URL(await until(() => /^http\S+/m.exec(out)?.[0], 'the address', 30_000));
  const server = { port: Number(url.port), token: url.hash.replace('#token=', '') };
  return { child, server, ended, said: () => ({ out, err }) };
}

describe('frameloom live', () => {
  it('serves a run until it is told to stop, and keeps what was being recorded', async () => {
    const run = await makeRun();
    const { child, server, ended, said } = await start(run, '--no-open', '--fps', '100');
    const page = await ask(server, '/');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);

    let frames = 0;
    const sessions = await Promise.all(
      [true, false].map(async (reads) => {
        const call = dial(server, '/api/session');
        call.socket.on('message', (data: Buffer, isBinary) => {
          if (!isBinary || !reads) return;
          frames += 1;
          const frame = data.readUInt32LE(8);
          call.socket.send(encodeClient({ type: 'shown', frame }));
        });
        await call.opened;
        call.socket.send(encodeClient({ type: 'hello', protocol: 1 }));
        return call;
      }),
    );
    const [reader, stuck] = sessions;
    await until(() => frames > 20, 'frames', 30_000);
    stuck?.socket.pause();
    const from = frames;
    await until(() => frames - from > 10, 'frames beside a page that reads nothing');
    const before = resident(child.pid!);
    await until(() => frames - from > 40, 'frames beside a page that reads nothing');
    const after = resident(child.pid!);
    // A page that reads nothing takes no memory; 20 MiB are what a collector leaves lying.
    expect((after ?? 0) - (before ?? 0)).toBeLessThan(20 << 20);

    reader?.socket.send(encodeClient({ type: 'record', on: true }));
    const begun = frames;
    await until(() => frames > begun + 8, 'recorded frames');
    process.kill(-child.pid!, 'SIGINT');
    expect(await ended).toBe(0);
    expect(said().err).toMatch(/playing .* at 32x24 on cpu/);
    expect(said().err).toMatch(/recorded \d+ frames/);
    const recordings = join(run, 'live', 'recordings');
    expect(await readdir(recordings)).toEqual(['00001']);
    expect(await readdir(join(recordings, '00001'))).toContain('condition.mkv');
  });

  it('says in a line what it cannot do', async () => {
    expect(await frameloom('live', '/nowhere')).toMatchObject({
      ...{ code: 2, stdout: '' },
      stderr: expect.stringMatching(/^error: \/nowhere does not exist/) as string,
    });
    expect((await frameloom('live', '/nowhere.onnx')).stderr).toMatch(/does not exist/);
    const run = await makeRun();
    expect((await frameloom('live', run, '--port', '70000')).stderr).toMatch(/is not a port/);
    const elsewhere = await frameloom('live', run, '--no-open', '--host', '203.0.113.7');
    expect(elsewhere).toMatchObject({ code: 2 });
    expect(elsewhere.stderr).toMatch(
      /203\.0\.113\.7.*no address of this machine \(leave --host out/,
    );
    const snapshot = await frameloom('live', 'samples/street-outlines.onnx', '--snapshot', 'best');
    expect(snapshot.stderr).toMatch(/--snapshot does nothing/);
  });

  it('opens an address where there is a screen, by the system’s own program', () => {
    const url = 'http://127.0.0.1:1/#token=x';
    expect(browserCommand(url, 'linux')).toEqual({ program: 'xdg-open', words: [url] });
    expect(browserCommand(url, 'darwin').program).toBe('open');
    expect(browserCommand(url, 'win32').words.at(-1)).toBe(url);
    expect(hasScreen({}, 'linux')).toBe(false);
    expect(hasScreen({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true);
    expect(hasScreen({}, 'win32')).toBe(true);
  });
});
