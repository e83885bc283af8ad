import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { encodePacket } from '../../src/play/live/packets.js';
import { SocketTransport, type SocketClass } from '../../web/src/engine/socket.js';
import type { TransportError, TransportState } from '../../web/src/engine/transport.js';

const timing = { firstMs: 20, longestMs: 100, steadyMs: 10_000 };
const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** A server that notes what it is told, connection by connection. */
async function serve(port = 0) {
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  const connections: string[][] = [];
  server.on('connection', (socket) => {
    const told: string[] = [];
    connections.push(told);
    socket.on('message', (data, binary) =>
      told.push(
        binary ? `bytes ${(data as Buffer).readUInt32LE(8)}` : (data as Buffer).toString('utf8'),
      ),
    );
  });
  ended.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { server, connections, port: (server.address() as AddressInfo).port };
}

function connect(port: number, whyRefused: () => Promise<TransportError | null> = never) {
  const transport = new SocketTransport({
    url: `ws://127.0.0.1:${port}/`,
    ...{ protocols: [], timing, whyRefused },
    WebSocket: WebSocket as unknown as SocketClass,
  });
  ended.push(() => transport.close());
  const states: TransportState[] = [];
  transport.onState((state) => states.push(state));
  return { transport, states };
}
const never = (): Promise<null> => Promise.resolve(null);

const text = (message: object): string => JSON.stringify(message);
const drawing = (number: number) =>
  encodePacket({
    ...{ kind: 'condition', width: 2, height: 1, number, pixels: Uint8Array.of(1, 2) },
  } as const);

describe('a session behind a WebSocket', () => {
  it('is told what was asked before it was open, and hands over what it says', async () => {
    const { server, connections, port } = await serve();
    const { transport, states } = connect(port);
    transport.send(text({ type: 'hello', protocol: 1 }));
    transport.send(text({ type: 'clip', clip: 0, first: 0, count: 4 }));
    transport.send(text({ type: 'fps', fps: 10 }));
    transport.send(text({ type: 'fps', fps: 12 }));
    transport.send(text({ type: 'step' }));
    await vi.waitFor(() => expect(connections[0]).toHaveLength(5));
    expect(connections[0]).toEqual([
      text({ type: 'hello', protocol: 1 }),
      text({ type: 'fps', fps: 12 }),
      text({ type: 'pause' }),
      text({ type: 'clip', clip: 0, first: 0, count: 4 }),
      text({ type: 'step' }),
    ]);
    for (const client of server.clients) {
      client.send('one');
      client.send(Uint8Array.of(1, 2, 3));
    }
    const heard: unknown[] = [];
    await vi.waitFor(() => expect(transport.state.kind).toBe('open'));
    transport.onMessage((message) => heard.push(message));
    await vi.waitFor(() => expect(heard).toEqual(['one', Uint8Array.of(1, 2, 3)]));
    expect(states.map(({ kind }) => kind)).toEqual(['opening', 'open']);
  });

  it('that is lost is made again, and told all that lasts', async () => {
    const first = await serve();
    const { transport, states } = connect(first.port);
    transport.send(text({ type: 'hello', protocol: 1 }));
    await vi.waitFor(() => expect(transport.state.kind).toBe('open'));
    for (const message of [
      text({ type: 'speed', speed: 2 }),
      text({ type: 'reset', seed: 7 }),
      text({ type: 'record', on: true }),
      text({ type: 'pause' }),
      drawing(4),
      drawing(5),
    ]) {
      transport.send(message);
    }
    await vi.waitFor(() => expect(first.connections[0]).toHaveLength(7));
    for (const client of first.server.clients) client.terminate();
    first.server.close();
    await vi.waitFor(() => expect(states.at(-1)?.kind).toBe('opening'));
    await vi.waitFor(() =>
      expect(states.at(-1)).toEqual({
        kind: 'opening',
        doing: 'the server cannot be reached: trying again in 0.1 s, attempt 4',
      }),
    );
    const second = await serve(first.port);
    await vi.waitFor(() => expect(second.connections[0]).toHaveLength(5));
    // Neither the recording nor the older drawing.
    expect(second.connections[0]).toEqual([
      text({ type: 'hello', protocol: 1 }),
      text({ type: 'seed', seed: 7 }),
      text({ type: 'speed', speed: 2 }),
      text({ type: 'pause' }),
      'bytes 5',
    ]);
    expect(transport.state.kind).toBe('open');
  });

  it('that the server will not have is not tried again, and why is said', async () => {
    const { server, port } = await serve();
    const limited = connect(port);
    await vi.waitFor(() => expect(limited.transport.state.kind).toBe('open'));
    for (const client of server.clients) client.close(1008, 'too many messages');
    await vi.waitFor(() =>
      expect(limited.transport.state).toEqual({
        kind: 'closed',
        error: {
          ...{
            message: 'the server ended the session: too many messages',
            hint: 'reload the page',
          },
        },
      }),
    );
    server.close();
    const why = { message: 'the token is another', hint: 'open the address that was printed' };
    const refused = connect(port, () => Promise.resolve(why));
    await vi.waitFor(() => expect(refused.transport.state).toEqual({ kind: 'closed', error: why }));
    refused.transport.send(text({ type: 'play' }));
    expect(refused.transport.waitingBytes).toBe(0);
  });

  it('that is closed here stays closed', async () => {
    const { server, connections, port } = await serve();
    const { transport, states } = connect(port);
    await vi.waitFor(() => expect(transport.state.kind).toBe('open'));
    transport.close();
    transport.close();
    await vi.waitFor(() => expect(server.clients.size).toBe(0));
    await new Promise((after) => setTimeout(after, 60));
    expect(connections).toHaveLength(1);
    expect(states.at(-1)).toEqual({ kind: 'closed', error: null });
  });
});
