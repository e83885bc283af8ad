import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { silentLogger } from '../../src/base/log.js';
import { generatorFile } from '../../src/pipeline/generator-file.js';
import type { ServerMessage } from '../../src/play/live/messages.js';
import { decodeFromSession, encodePacket, type Packet } from '../../src/play/live/packets.js';
import { encodeClient } from '../../src/play/live/protocol.js';
import { LIMITS } from '../../src/serve/limits.js';
import { startLive, type RunningLive } from '../../src/serve/live.js';
import { API, mapsPath, picturesPath, type LiveAbout } from '../../src/serve/page-api.js';
import { probe } from '../../src/video/index.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { ask, dial, placeholderPage, until } from './support.js';

const [WIDTH, HEIGHT] = [32, 24];

/** A page, as far as a session knows. */
class Page {
  readonly texts: ServerMessage[] = [];
  readonly frames: Packet<'frame'>[] = [];
  readonly filtered: Packet<'filtered'>[] = [];
  readonly closed: Promise<{ code: number }>;
  readonly socket: WebSocket;
  acknowledges = true;

  private constructor({ socket, closed }: ReturnType<typeof dial>) {
    this.socket = socket;
    this.closed = closed;
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return void this.texts.push(JSON.parse(data.toString()) as ServerMessage);
      const packet = decodeFromSession(new Uint8Array(data), 1);
      if (packet.kind === 'frame') {
        this.frames.push(packet as Packet<'frame'>);
        if (this.acknowledges) this.say({ type: 'shown', frame: packet.number });
      } else if (packet.kind === 'filtered') this.filtered.push(packet as Packet<'filtered'>);
    });
  }

  static async open(live: RunningLive): Promise<Page> {
    const call = dial(live, API.session);
    const page = new Page(call);
    await call.opened;
    page.say({ type: 'hello', protocol: 1 });
    await page.told('model');
    return page;
  }

  say(message: Parameters<typeof encodeClient>[0]): void {
    this.socket.send(encodeClient(message));
  }

  draw(level: number, number: number): void {
    const pixels = new Uint8Array(WIDTH * HEIGHT).fill(level);
    this.socket.send(
      encodePacket({ kind: 'condition', width: WIDTH, height: HEIGHT, number, pixels }),
    );
  }

  async told<T extends ServerMessage['type']>(
    type: T,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const found = await until(() => this.texts.find((one) => one.type === type), type);
    return found as Extract<ServerMessage, { type: T }>;
  }

  async made(count: number): Promise<void> {
    const from = this.frames.length;
    await until(() => this.frames.length - from >= count, `${count} frames`);
  }

  close(): void {
    this.socket.close();
  }
}

let live: RunningLive;
let run: string;
let clip: string;

beforeAll(async () => {
  clip = await makeClip({ frames: 12, width: 64, height: 48 });
  run = await makeRun({ data: { clips: [clip] } });
  const pageFolder = await placeholderPage();
  live = await startLive({ place: run, pageFolder, log: silentLogger, fps: 50 });
  await live.ready;
});
afterAll(async () => {
  await live.close();
});

describe('a live session behind a WebSocket', () => {
  it('plays a run that was never exported, made of what is drawn', async () => {
    const page = await Page.open(live);
    expect(await page.told('model')).toMatchObject({
      ...{ width: WIDTH, height: HEIGHT, step: 1, name: 'random', fixed: false },
      engine: { name: 'onnxruntime-node', device: 'cpu' },
      clips: [{ frames: 12, fps: 25 }],
      can: { record: true, filter: true },
    });
    page.draw(255, 1);
    await expect.poll(() => page.frames.at(-1)?.newest).toBe(1);
    expect(page.frames.at(-1)?.pixels.length).toBe(3 * WIDTH * HEIGHT);
    page.say({ type: 'pause' });
    page.close();
    await expect.poll(() => live.sessions()).toBe(0);
  });

  it('has a world for each page: two play at once and each at its own size', async () => {
    const [a, b] = [await Page.open(live), await Page.open(live)];
    b.say({ type: 'size', width: 64, height: 48 });
    await expect.poll(() => b.frames.at(-1)?.width, { timeout: 10_000 }).toBe(64);
    await Promise.all([a.made(5), b.made(5)]);
    expect(a.frames.at(-1)?.width).toBe(WIDTH);
    a.close();
    b.close();
    await expect.poll(() => live.sessions()).toBe(0);
  });

  it('keeps the rate of a page beside one that never reads', async () => {
    const stuck = await Page.open(live);
    const page = await Page.open(live);
    await stuck.made(1);
    stuck.acknowledges = false;
    stuck.socket.pause();
    // Long after the other has all that it may leave unread.
    await page.made(60);
    expect(stuck.frames.length).toBeLessThan(10);
    const { fps } = await page.told('figures');
    expect(fps).toBeGreaterThan(0);
    stuck.socket.terminate();
    page.close();
    await expect.poll(() => live.sessions()).toBe(0);
  });

  it('records, and keeps what was recorded where a page goes', async () => {
    const page = await Page.open(live);
    page.draw(255, 1);
    page.say({ type: 'record', on: true });
    await page.made(8);
    page.say({ type: 'record', on: false });
    const recorded = await page.told('recorded');
    expect(recorded.files.map(({ holds }) => holds)).toEqual(['video', 'condition', 'pipeline']);
    const info = await probe(join(recorded.folder!, 'frames.mp4'), { count: true });
    expect(info.frameCount).toBe(recorded.frames);
    const fetched = await ask(live, recorded.files[0]!.url!);
    expect([fetched.status, fetched.headers['content-type']]).toEqual([200, 'video/mp4']);
    expect(fetched.text.length).toBe(recorded.files[0]!.bytes);

    page.say({ type: 'record', on: true });
    await page.made(4);
    page.socket.terminate();
    await expect.poll(() => readdir(join(live.folder, 'recordings'))).toEqual(['00001', '00002']);
    const { files } = JSON.parse((await ask(live, API.recordings)).text) as {
      files: { recording: object }[];
    };
    expect(files).toMatchObject([
      { name: '00002', recording: { video: 'frames.mp4' } },
      { name: '00001' },
    ]);
  });

  it('makes conditions of pictures', async () => {
    const page = await Page.open(live);
    const pixels = Uint8Array.from({ length: 3 * 64 * 48 }, (_, i) =>
      (i / 3) % 64 < 30 ? 250 : 10,
    );
    page.socket.send(encodePacket({ kind: 'picture', width: 64, height: 48, number: 7, pixels }));
    await expect.poll(() => page.filtered.length).toBe(1);
    expect(page.filtered[0]).toMatchObject({ number: 7, width: WIDTH, height: HEIGHT });
    expect(page.filtered[0]?.pixels.some((level) => level > 100)).toBe(true);
    page.close();
    const own = dial(live, API.filter);
    await own.opened;
    const answered = new Promise<Buffer>((resolve) => own.socket.once('message', resolve));
    own.socket.send(encodePacket({ kind: 'picture', width: 64, height: 48, number: 9, pixels }));
    const packet = decodeFromSession(new Uint8Array(await answered), 1);
    expect(packet).toMatchObject({ kind: 'filtered', number: 9 });
    expect(packet.pixels).toEqual(page.filtered[0]?.pixels);
    own.socket.close();
  });

  it('goes on with newer weights', async () => {
    const page = await Page.open(live);
    await page.made(2);
    await live.use({ ...(await generatorFile(run)), step: 2 });
    await page.made(2);
    const { text } = await ask(live, API.about);
    expect((JSON.parse(text) as LiveAbout).step).toBe(2);
    page.close();
    await expect.poll(() => live.sessions()).toBe(0);
  });

  it('is one of few: more pages are told so', async () => {
    const pages = await Promise.all(Array.from({ length: LIMITS.sessions }, () => Page.open(live)));
    const more = dial(live, API.session);
    const told = new Promise<string>((resolve) => {
      more.socket.once('message', (data: Buffer) => resolve(data.toString()));
    });
    expect(JSON.parse(await told)).toMatchObject({ type: 'error', code: 'bad-call', fatal: true });
    expect((await more.closed).code).toBe(1008);
    for (const page of pages) page.close();
    await expect.poll(() => live.sessions()).toBe(0);
  });
});

describe('what a page asks for', () => {
  it('is what is served, and its file', async () => {
    const about = JSON.parse((await ask(live, API.about)).text) as LiveAbout;
    expect(about).toMatchObject({
      ...{ place: run, kind: 'run', width: WIDTH, height: HEIGHT, fps: 50 },
      ...{ filterUnavailable: null, training: false, folder: join(run, 'live') },
    });
    const { bytes } = await generatorFile(run);
    expect((await ask(live, API.model)).text.length).toBe(bytes.length);
  });

  it('is the clip’s own conditions and frames', async () => {
    expect(JSON.parse((await ask(live, API.maps)).text)).toMatchObject({ clips: [{ frames: 12 }] });
    const two = await ask(live, mapsPath(0, 3, 2));
    expect(two.text.length).toBe(2 * WIDTH * HEIGHT);
    expect((await ask(live, mapsPath(0, 11, 5))).text.length).toBe(WIDTH * HEIGHT);
    const large = await ask(live, `${picturesPath(0, 0, 1)}?width=64&height=48`);
    expect(large.text.length).toBe(3 * 64 * 48);
    for (const path of [
      mapsPath(7, 0, 1),
      mapsPath(0, 0, 65),
      '/api/maps/0/-1/1',
      `${mapsPath(0, 0, 1)}?width=3&height=4`,
    ]) {
      expect([path, (await ask(live, path)).status]).toEqual([path, 400]);
    }
  });

  it('is a drawing that was saved', async () => {
    const png = encode({ width: 4, height: 4, data: new Uint8Array(48), channels: 3, depth: 8 });
    const path = `${API.drawings}/${encodeURIComponent('Straße 1.png')}`;
    expect(JSON.parse((await ask(live, API.drawings)).text)).toEqual({ files: [] });
    expect((await ask(live, path, { method: 'PUT', body: png })).status).toBe(200);
    expect((await ask(live, path, { method: 'PUT', body: png })).status).toBe(409);
    expect((await ask(live, `${path}?overwrite=1`, { method: 'PUT', body: png })).status).toBe(200);
    const read = await ask(live, path);
    const list = Buffer.from((await ask(live, API.drawings)).text, 'latin1').toString();
    expect([read.headers['content-type'], read.text.length]).toEqual(['image/png', png.length]);
    expect(JSON.parse(list)).toMatchObject({
      files: [{ name: 'Straße 1.png', bytes: png.length }],
    });
    const gone = await ask(live, path, { method: 'DELETE' });
    expect([gone.text, gone.status]).toEqual(['{"files":[]}', 200]);
    expect((await ask(live, path)).status).toBe(404);
  });

  it.each([
    '..%2f..%2fevil.png',
    '%2e%2e%2fevil.png',
    '.hidden.png',
    'con.png',
    'a.exe',
    'a%00.png',
    'a\u0000.png',
  ])('is no drawing of another place: %s', async (name) => {
    const png = encode({ width: 4, height: 4, data: new Uint8Array(48), channels: 3, depth: 8 });
    const answer = await ask(live, `${API.drawings}/${encodeURI(name)}`, {
      method: 'PUT',
      body: png,
    });
    expect([400, 404]).toContain(answer.status);
    expect(await readdir(run)).not.toContain('evil.png');
  });

  it('is no drawing that is no PNG, or one of too many pixels', async () => {
    const path = `${API.drawings}/a.png`;
    expect((await ask(live, path, { method: 'PUT', body: 'hello' })).status).toBe(400);
    const png = Buffer.from(
      encode({ width: 4, height: 4, data: new Uint8Array(48), channels: 3, depth: 8 }),
    );
    png.writeUInt32BE(2_000_000, 16);
    expect((await ask(live, path, { method: 'PUT', body: png })).text).toMatch(/pixels/);
    const long = `${API.drawings}/${encodeURIComponent('日'.repeat(90))}.png`;
    const named = await ask(live, long, { method: 'PUT', body: png });
    expect([named.status, named.text]).toEqual([400, expect.stringContaining('274 bytes')]);
  });

  it('is a list of recordings, also where somebody has been at one', async () => {
    const folder = join(live.folder, 'recordings', '99999');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'recording.json'), '');
    const { status, text } = await ask(live, API.recordings);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      files: expect.arrayContaining([expect.objectContaining({ name: '99999' })]) as unknown,
    });
    await rm(folder, { recursive: true });
  });

  it('is no file of a recording but its own', async () => {
    for (const path of [
      '00001/recording.json',
      '00001/..%2fx',
      '..%2f..%2fpipeline.yaml/frames.mp4',
      '9/frames.mp4',
    ]) {
      expect((await ask(live, `${API.recordings}/${path}`)).status).toBe(404);
    }
  });
});

describe('frames that a page made', () => {
  it('are recorded as those of a session', async () => {
    const call = dial(live, API.record);
    await call.opened;
    const said: { type: string; frames?: number }[] = [];
    call.socket.on('message', (data: Buffer) => said.push(JSON.parse(data.toString()) as never));
    call.socket.send(JSON.stringify({ type: 'start', width: WIDTH, height: HEIGHT, fps: 25 }));
    for (let i = 0; i < 5; i += 1)
      call.socket.send(new Uint8Array(4 * WIDTH * HEIGHT).fill(40 * i));
    call.socket.send(JSON.stringify({ type: 'stop' }));
    await call.closed;
    expect(said.filter(({ type }) => type === 'taken')).toHaveLength(5);
    expect(said.at(-1)).toMatchObject({
      type: 'recorded',
      files: { frames: 5, condition: 'condition.mkv', actions: null },
    });
  });

  it('have their size; others end the recording, and leave nothing', async () => {
    const before = await readdir(join(live.folder, 'recordings'));
    const call = dial(live, API.record);
    await call.opened;
    call.socket.send(JSON.stringify({ type: 'start', width: WIDTH, height: HEIGHT, fps: 25 }));
    call.socket.send(new Uint8Array(7));
    expect((await call.closed).code).toBe(1008);
    const bad = dial(live, API.record);
    await bad.opened;
    bad.socket.send(JSON.stringify({ type: 'start', width: 5, height: 4, fps: 25 }));
    expect((await bad.closed).code).toBe(1008);
    await expect.poll(() => readdir(join(live.folder, 'recordings'))).toEqual(before);
  });
});
