import { symlink, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { LIMITS } from '../../src/serve/limits.js';
import { startServer, type RunningServer } from '../../src/serve/server.js';
import type { LiveSocket, SocketHandler } from '../../src/serve/sockets.js';
import { ask, dial, placeholderPage, say, silent, until } from './support.js';

const heard: string[] = [];
const warned: string[] = [];
let server: RunningServer;
let folder: string;
/** Sockets of /api/flood, which sends frames for as long as they are taken. */
const floods: { socket: LiveSocket; sent: number; dropped: number }[] = [];

beforeAll(async () => {
  folder = await placeholderPage();
  const outside = join(await mkdtemp(join(tmpdir(), 'frameloom-outside-')), 'secret.txt');
  await writeFile(outside, 'secret');
  await symlink(outside, join(folder, 'link.txt'));
  server = await startServer({
    pageFolder: folder,
    log: { ...silentLogger, warn: (message: string) => void warned.push(message) },
    routes: (api) => {
      api.get('/about', (context) => context.json({ ok: true }));
      api.put('/drawings/:name', async (context) =>
        context.json({ bytes: (await context.req.arrayBuffer()).byteLength }),
      );
    },
    sockets: new Map<string, SocketHandler>([
      [
        '/api/echo',
        (socket) => ({
          onText: (text) => {
            heard.push(text);
            if (text === 'throw') throw new TypeError('a defect');
            socket.send(text);
          },
          onBytes: (bytes) => socket.send(bytes),
          onClose: () => heard.push('closed'),
        }),
      ],
      [
        '/api/flood',
        (socket) => {
          const one = { socket, sent: 0, dropped: 0 };
          floods.push(one);
          const frame = new Uint8Array(256 * 144 * 3);
          const timer = setInterval(() => {
            if (socket.offer(frame)) one.sent += 1;
            else one.dropped += 1;
          }, 5);
          return {
            onText: () => undefined,
            onBytes: () => undefined,
            onClose: () => clearInterval(timer),
          };
        },
      ],
    ]),
  });
});

afterAll(() => server.close());

describe('the page', () => {
  it('is served with headers that isolate it, and needs no token', async () => {
    const answer = await ask(server, '/');
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('<title>page</title>');
    const { headers } = answer;
    expect(headers['content-type']).toMatch(/^text\/html/);
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    expect(headers['content-security-policy']).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect((await ask(server, '/assets/main.js')).headers['content-type']).toMatch(/javascript/);
    expect((await ask(server, '/assets/ort.wasm')).headers['content-type']).toBe(
      'application/wasm',
    );
  });

  it('is not sent again to who has it', async () => {
    const { headers } = await ask(server, '/assets/ort.wasm');
    const again = await ask(server, '/assets/ort.wasm', {
      headers: { 'if-none-match': String(headers.etag) },
    });
    expect([again.status, again.text.length]).toEqual([304, 0]);
  });

  it('has a file that was built after the server began', async () => {
    expect((await ask(server, '/later.js')).status).toBe(404);
    await writeFile(join(folder, 'later.js'), '1');
    expect((await ask(server, '/later.js')).status).toBe(200);
  });

  it.each([
    '/../package.json',
    '/assets/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/assets/..%5c..%5cetc%5cpasswd',
    '/assets%00/main.js',
    '//etc/passwd',
    '/%252e%252e/etc/passwd',
    '/assets',
    '/link.txt',
  ])('leads nowhere else: %s', async (path) => {
    const answer = await ask(server, path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).not.toMatch(/secret|root:|frameloom"/);
  });
});

describe('who may ask', () => {
  it('knows the token', async () => {
    expect((await ask(server, '/api/about')).text).toBe('{"ok":true}');
    const without = await ask(server, '/api/about', { withToken: false });
    expect(without.status).toBe(401);
    expect(JSON.parse(without.text)).toMatchObject({ error: { code: 'bad-token' } });
    const wrong = { headers: { authorization: `Bearer ${'A'.repeat(32)}` } };
    expect((await ask(server, '/api/about', wrong)).status).toBe(401);
    // Neither in the query nor as a cookie, where others would see it or send it.
    const elsewhere = await ask(server, `/api/about?token=${server.token}`, {
      withToken: false,
      headers: { cookie: `token=${server.token}` },
    });
    expect(elsewhere.status).toBe(401);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/#token=${server.token}`);
    expect(server.token.length).toBeGreaterThanOrEqual(32);
  });

  it('asks for this machine by its own name: a rebound one is refused, of the page too', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${server.port}`,
      '10.1.2.3',
      '127.0.0.1.evil.example',
    ]) {
      expect((await ask(server, '/', { headers: { host } })).status).toBeOneOf([400, 421]);
      expect((await ask(server, '/api/about', { headers: { host } })).status).toBeOneOf([400, 421]);
    }
    const tunnel = { headers: { host: 'localhost:9000', origin: 'http://localhost:9000' } };
    expect((await ask(server, '/api/about', tunnel)).status).toBe(200);
  });

  it('is no page of another site', async () => {
    const foreign = [
      'http://evil.example',
      `https://127.0.0.1:${server.port}`,
      'http://localhost:1',
      'null',
    ];
    for (const origin of foreign) {
      const answer = await ask(server, '/api/about', { headers: { origin } });
      expect([origin, answer.status]).toEqual([origin, 403]);
      await expect(dial(server, '/api/echo', { headers: { origin } }).opened).rejects.toThrow(
        '403',
      );
    }
    const cross = { headers: { 'sec-fetch-site': 'cross-site' } };
    expect((await ask(server, '/api/about', cross)).status).toBe(403);
    const own = {
      headers: { origin: `http://127.0.0.1:${server.port}`, 'sec-fetch-site': 'same-origin' },
    };
    expect((await ask(server, '/api/about', own)).status).toBe(200);
    const { socket, opened } = dial(server, '/api/echo', own);
    await opened;
    socket.close();
  });

  it('says the token to a WebSocket as well, which has a path that there is', async () => {
    const none = dial(server, '/api/echo', { protocols: ['frameloom-live'] });
    await expect(none.opened).rejects.toThrow('401');
    const wrong = dial(server, '/api/echo', { protocols: ['frameloom-live', 'token.nope'] });
    await expect(wrong.opened).rejects.toThrow('401');
    const rebound = dial(server, '/api/echo', { headers: { host: 'evil.example' } });
    await expect(rebound.opened).rejects.toThrow('421');
    await expect(dial(server, '/api/other').opened).rejects.toThrow('404');
    const { socket, opened } = dial(server, '/api/echo');
    await opened;
    expect(socket.protocol).toBe('frameloom-live');
    socket.close();
  });
});

describe('what is too much', () => {
  it('is a giant body, said in its head or not', async () => {
    const head = (length: string): string =>
      [
        'PUT /api/drawings/a.png HTTP/1.1',
        `Host: 127.0.0.1:${server.port}`,
        `Authorization: Bearer ${server.token}`,
        'Connection: close',
        length,
        '\r\n',
      ].join('\r\n');
    const told = await say(server.port, head(`Content-Length: ${LIMITS.drawingBytes + 1}`));
    expect(told).toMatch(/^HTTP\/1.1 413[^]*more than 16 MiB were sent/);
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
    const untold = await say(server.port, head('Transfer-Encoding: chunked'), chunk);
    // What is still on its way when the connection ends may take the answer along.
    expect(untold).toMatch(/^(HTTP\/1.1 413|$)/);
    const small = await ask(server, '/api/drawings/a.png', { method: 'PUT', body: 'abc' });
    expect(JSON.parse(small.text)).toEqual({ bytes: 3 });
  });

  it('is a giant message: its connection ends, others go on', async () => {
    const [bad, good] = [dial(server, '/api/echo'), dial(server, '/api/echo')];
    await Promise.all([bad.opened, good.opened]);
    bad.socket.send(new Uint8Array(LIMITS.messageBytes + 1));
    expect((await bad.closed).code).toBe(1009);
    const answered = new Promise((resolve) => good.socket.once('message', resolve));
    good.socket.send('still here');
    expect(String(await answered)).toBe('still here');
    good.socket.close();
  });

  it('is a flood of messages', async () => {
    const { socket, opened, closed } = dial(server, '/api/echo');
    await opened;
    for (let i = 0; i < LIMITS.messagesPerSecond * (LIMITS.rateSeconds + 1); i += 1)
      socket.send('x');
    const { code, reason } = await closed;
    expect(code).toBe(1008);
    expect(reason).toContain('messages a second');
    // Once, and not for each message that was on its way.
    expect(warned).toEqual(['a client that sent too many messages was let go']);
  });

  it('tells a defect to the client that met it, and goes on', async () => {
    const { socket, opened, closed } = dial(server, '/api/echo');
    await opened;
    const told = new Promise<string>((resolve) =>
      socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    socket.send('throw');
    expect(JSON.parse(await told)).toMatchObject({
      type: 'error',
      message: 'a defect of Frameloom: a defect',
      fatal: true,
    });
    expect((await closed).code).toBe(1011);
    expect((await ask(server, '/')).status).toBe(200);
  });

  it('is a client that never reads: memory stays, the other keeps its rate', async () => {
    const [stuck, reads] = [dial(server, '/api/flood'), dial(server, '/api/flood')];
    await Promise.all([stuck.opened, reads.opened]);
    stuck.socket.pause();
    let got = 0;
    reads.socket.on('message', () => (got += 1));
    // One of them reads nothing: frames are dropped, not kept.
    const slow = await until(() => floods.find(({ dropped }) => dropped > 5), 'a dropped frame');
    const [atFirst, dropped] = [got, slow.dropped];
    await until(() => got - atFirst > 150, 'the frames of the other');
    expect(slow.dropped - dropped).toBeGreaterThan(100);
    expect(slow.socket.waitingBytes).toBeLessThanOrEqual(LIMITS.waitingBytes);
    const other = floods.find((one) => one !== slow)!;
    expect(other.dropped).toBeLessThan(10);
    stuck.socket.terminate();
    reads.socket.close();
  });

  it('is 200 connections: who is there is served on, and those that say nothing are let go', async () => {
    const { socket, opened } = dial(server, '/api/echo');
    await opened;
    const crowd = await Promise.all(Array.from({ length: 200 }, () => silent(server.port)));
    const open = (): number => crowd.filter((one) => !one.destroyed).length;
    await expect.poll(open).toBeLessThan(LIMITS.connections);
    const answered = new Promise((resolve) => socket.once('message', resolve));
    socket.send('hello');
    await answered;
    await expect.poll(open, { timeout: LIMITS.headersMs + 5_000 }).toBe(0);
    expect((await ask(server, '/')).status).toBe(200);
    socket.close();
  });

  it('is more WebSockets than there may be', async () => {
    await expect.poll(() => server.openSockets()).toBe(0);
    const free = LIMITS.sockets;
    const many = Array.from({ length: free }, () => dial(server, '/api/echo'));
    await Promise.all(many.map(({ opened }) => opened));
    await expect(dial(server, '/api/echo').opened).rejects.toThrow('503');
    for (const { socket } of many) socket.close();
  });
});

describe('a server', () => {
  it('ends with its clients, also those that read nothing', async () => {
    const own = await startServer({
      pageFolder: folder,
      log: silentLogger,
      routes: () => undefined,
      sockets: new Map([
        [
          '/api/echo',
          () => ({ onText: () => undefined, onBytes: () => undefined, onClose: () => undefined }),
        ],
      ]),
    });
    const { socket, opened, closed } = dial(own, '/api/echo');
    await opened;
    socket.pause();
    // It waits for nobody who does not read: this would not end.
    await own.close();
    socket.resume();
    expect((await closed).code).toBeGreaterThan(1000);
  });

  it('says what is wrong with its page and its port', async () => {
    const options = { log: silentLogger, routes: () => undefined, sockets: new Map() };
    await expect(startServer({ ...options, pageFolder: '/nowhere' })).rejects.toMatchObject({
      code: 'not-found',
      hint: 'run: npm run build',
    });
    await expect(
      startServer({ ...options, pageFolder: folder, port: server.port }),
    ).rejects.toThrow(/another program is listening there/);
  });
});
