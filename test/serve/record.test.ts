import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { createLogger, silentLogger } from '../../src/base/log.js';
import { rational } from '../../src/base/rational.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { API, type RecorderAbout, type RecordMessage } from '../../src/serve/page-api.js';
import { withTap } from '../../src/serve/record/game.js';
import { startRecord, type RunningRecord } from '../../src/serve/record/record.js';
import { takePipeline } from '../../src/serve/record/take-pipeline.js';
import { probe } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { PROGRAM } from '../program.js';
import { ask, dial, placeholderPage, until } from './support.js';

const [WIDTH, HEIGHT] = [32, 24];
const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'frameloom-record-'));

let pageFolder: string;
beforeAll(async () => {
  pageFolder = await placeholderPage();
  await writeFile(join(pageFolder, 'record.html'), '<!doctype html><title>recorder</title>');
});

/** The page's side of a take. */
class Recorder {
  readonly said: RecordMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;

  private constructor({ socket, closed }: ReturnType<typeof dial>) {
    this.#socket = socket;
    this.closed = closed;
    socket.on('message', (data: Buffer) => this.said.push(JSON.parse(data.toString()) as never));
  }

  static async open(server: { port: number; token: string }, fps = 30): Promise<Recorder> {
    const call = dial(server, API.record);
    await call.opened;
    const recorder = new Recorder(call);
    recorder.say({ type: 'start', width: WIDTH, height: HEIGHT, fps });
    return recorder;
  }

  say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** @param level null for the picture before once more */
  take(level: number | null, held: readonly number[]): void {
    const pressed = new Uint8Array(Float32Array.from(held).buffer);
    const picture = level === null ? [] : [new Uint8Array(3 * WIDTH * HEIGHT).fill(level)];
    this.#socket.send(Buffer.concat([...picture, pressed]));
  }

  taken(frames: number): Promise<true> {
    return until(
      () => this.said.some((one) => one.type === 'taken' && one.frames >= frames),
      `${frames} frames`,
    );
  }

  async stop(lost = 0): Promise<Extract<RecordMessage, { type: 'recorded' }>> {
    this.say({ type: 'stop', lost });
    await this.closed;
    const told = this.said.at(-1);
    if (told?.type !== 'recorded') throw new Error(JSON.stringify(told));
    return told;
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

const actions = await takePipeline('actions-to-video', ['left', 'jump', 'steer=axis']);

describe('frameloom record', () => {
  let server: RunningRecord;
  let folder: string;
  const lines: string[] = [];

  beforeAll(async () => {
    folder = join(await scratch(), 'my plays');
    server = await startRecord({
      ...{ output: folder, pipeline: actions, fps: rational(30), pageFolder },
      log: createLogger({ level: 'info', write: (line) => void lines.push(line) }),
    });
  });
  afterAll(async () => {
    await server.close();
  });

  it('serves the recorder’s page, and says what is recorded', async () => {
    expect((await ask(server, '/')).text).toMatch(/recorder/);
    const about = JSON.parse((await ask(server, API.recorder)).text) as RecorderAbout;
    expect(about).toMatchObject({ folder, fps: 30, size: null, game: null });
    expect(about.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['left', 'key'],
      ['jump', 'key'],
      ['steer', 'axis'],
    ]);
    expect((await ask(server, API.recorder, { withToken: false })).status).toBe(401);
  });

  it('writes a video and a row for each of its frames, and a pipeline that trains on them', async () => {
    const recorder = await Recorder.open(server);
    for (let frame = 0; frame < 150; frame += 1) {
      const isRepeated = frame === 7 || frame === 8;
      recorder.take(isRepeated ? null : frame, [frame % 2, frame < 5 ? 1 : 0, frame / 75 - 1]);
    }
    const { name, files } = await recorder.stop(2);
    expect([name, files]).toEqual([
      '00001',
      {
        ...{ frames: 150, fps: 30, video: '00001.mp4', condition: null, actions: '00001.csv' },
        pipeline: 'pipeline.yaml',
      },
    ]);
    expect(await readdir(folder)).toEqual(['00001.csv', '00001.mp4', 'pipeline.yaml']);
    const info = await probe(join(folder, '00001.mp4'), { count: true });
    expect(info).toMatchObject({ frameCount: 150, variableFrameRate: false, width: WIDTH });
    const rows = (await readFile(join(folder, '00001.csv'), 'utf8')).trimEnd().split('\n');
    expect(rows.slice(0, 4)).toEqual([
      '# 2 of 150 frames show the picture before them once more: 7 8',
      'frame,left,jump,steer',
      '0,0,1,-1',
      '1,1,1,-0.986667',
    ]);
    expect(rows).toHaveLength(152);
    expect(lines.join('')).toMatch(/recorded 150 frames: .*00001\.mp4/);
    expect(lines.join('')).toMatch(/2 frames of them could not be taken in time/);
    const { pipeline } = await loadPipeline(join(folder, 'pipeline.yaml'));
    expect(pipeline).toMatchObject({
      name: 'my-plays',
      data: {
        size: { width: WIDTH, height: HEIGHT },
        actions: { columns: { steer: { kind: 'axis' } } },
      },
      training: { steps: 4000 },
    });
    const checked = await frameloom('check', join(folder, 'pipeline.yaml'), '--json');
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.stdout)).toMatchObject({ data: { clips: [{ frameCount: 150 }] } });
  });

  it('numbers takes, and keeps one whose page goes', async () => {
    const recorder = await Recorder.open(server);
    for (let frame = 0; frame < 4; frame += 1) recorder.take(frame, [1, 0, 0]);
    await recorder.taken(4);
    expect(server.recording()).toBe(1);
    recorder.terminate();
    await until(() => server.recording() === 0, 'the take');
    expect(await readdir(folder)).toEqual([
      ...['00001.csv', '00001.mp4', '00002.csv', '00002.mp4', 'pipeline.yaml'],
    ]);
    const none = await Recorder.open(server);
    none.say({ type: 'stop' });
    expect((await none.closed).reason).toMatch(/no frame came/);
    const wrong = await Recorder.open(server);
    wrong.take(null, [0, 0, 0]);
    expect((await wrong.closed).reason).toMatch(/the first frame of a take is a picture/);
    await until(() => server.recording() === 0, 'both');
    expect((await readdir(folder)).length).toBe(5);
  });

  it('says what is kept of a take that cannot be written', async () => {
    const recorder = await Recorder.open(server);
    for (let frame = 0; frame < 4; frame += 1) recorder.take(frame, [1, 0, 0]);
    await recorder.taken(4);
    await rm(join(folder, '00003.unfinished'), { recursive: true });
    recorder.say({ type: 'stop' });
    await recorder.closed;
    const told = recorder.said.at(-1);
    expect(told?.type === 'error' && told.message).toMatch(/; nothing of this take is kept$/);
    await until(() => server.recording() === 0, 'its end');
    expect((await readdir(folder)).filter((name) => name.startsWith('00003'))).toEqual([]);
  });

  it('records no other columns into a folder of takes', async () => {
    const pipeline = await takePipeline('actions-to-video', undefined);
    await expect(
      startRecord({ output: folder, pipeline, fps: rational(30), pageFolder, log: silentLogger }),
    ).rejects.toThrow(
      /have left, jump, steer=axis\(-1 to 1\), and these would have left, right, jump, duck/,
    );
  });
});

describe('what cannot be recorded', () => {
  it.each([
    [['record', 'edges-to-video'], /is told no actions/],
    [['record', 'labels-to-video', '--columns', 'a'], /from a second video/],
    [['record', '--columns', 'left,left'], /named twice/],
    [['record', '--columns', 'left right'], /one column with a blank.*separate columns by commas/],
    [['record', '--columns', 'frame'], /says which frame a row is of/],
    [['record', '--columns', 'a=stick'], /is no column/],
    [['record', '-o', 'take.avi'], /not written as \.avi/],
    [['record', '--game', '/nowhere'], /does not exist/],
    [['record', '--game', 'ftp://x/'], /no address of a page/],
    [['record', '--size', '33x20'], /multiples of 4/],
    [['record', '-y'], /--overwrite does nothing with a folder/],
  ])('%j', async (words, message) => {
    const { code, stderr } = await frameloom(...words);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

it('makes a take of what a killed recording left', async () => {
  const folder = await scratch();
  const [program = '', ...words] = PROGRAM;
  const child = spawn(
    program,
    [...words, 'record', '-o', folder, '--columns', 'left', '--no-open', '--json', '--fps', '10'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let told = '';
  child.stdout.on('data', (data: Buffer) => (told += data.toString()));
  await until(() => told.includes('\n'), 'the address');
  const address = JSON.parse(told) as { port: number; token: string };
  const recorder = await Recorder.open(address, 10);
  // Segments of four seconds: two are whole, and the third is not.
  for (let frame = 0; frame < 99; frame += 1) recorder.take(frame, [frame % 3 === 0 ? 1 : 0]);
  const unfinished = join(folder, '00001.unfinished', '0');
  for (let files: string[] = []; !files.includes('00001.mp4');) {
    files = await readdir(unfinished).catch(() => []);
  }
  await until(() => recorder.said.length > 90, 'the frames');
  await new Promise((resolve) => setTimeout(resolve, 300));
  // Another one leaves it alone while it is alive.
  const beside = await startRecord({
    ...{ output: folder, pipeline: await takePipeline('actions-to-video', ['left']) },
    ...{ fps: rational(10), pageFolder, log: silentLogger },
  });
  await beside.close();
  expect(await readdir(folder)).toEqual(['00001.unfinished']);
  child.kill('SIGKILL');
  await recorder.closed;
  await until(() => child.signalCode !== null, 'its end');

  const lines: string[] = [];
  const next = await startRecord({
    ...{ output: folder, pipeline: await takePipeline('actions-to-video', ['left']) },
    ...{ fps: rational(10), pageFolder },
    log: createLogger({ level: 'info', write: (line) => void lines.push(line) }),
  });
  await next.close();
  expect(lines.join('')).toMatch(/ended from outside; 80 frames of it were whole \(8s\)/);
  expect(await readdir(folder)).toEqual(['00001.csv', '00001.mp4']);
  expect((await probe(join(folder, '00001.mp4'), { count: true })).frameCount).toBe(80);
  const rows = (await readFile(join(folder, '00001.csv'), 'utf8')).trimEnd().split('\n');
  expect(rows).toEqual([
    'frame,left',
    ...Array.from({ length: 80 }, (_, frame) => `${frame},${frame % 3 === 0 ? 1 : 0}`),
  ]);
});

describe('a game’s own folder', () => {
  let server: RunningRecord;
  let port: number;
  beforeAll(async () => {
    const game = join(await scratch(), 'game');
    await mkdir(join(game, 'sub'), { recursive: true });
    await writeFile(join(game, 'index.html'), '<!doctype html><html><head><title>g</title></head>');
    await writeFile(join(game, 'sub', 'a b.js'), 'play()');
    await writeFile(join(game, '.env'), 'SECRET=1');
    await writeFile(join(game, '..', 'beside.txt'), 'not the game’s');
    await symlink(join(game, '..', 'beside.txt'), join(game, 'link.txt'));
    server = await startRecord({
      ...{ output: await scratch(), pipeline: actions, fps: rational(30), pageFolder, game },
      log: silentLogger,
    });
    const about = JSON.parse((await ask(server, API.recorder)).text) as RecorderAbout;
    port = Number(new URL(about.game!.url).port);
  });
  afterAll(async () => {
    await server.close();
  });

  it('is served at an origin of its own, with the tap in front of its scripts', async () => {
    const home = new URL(server.url).origin;
    const page = await ask({ port, token: '' }, '/');
    expect(page.text).toBe(
      `<!doctype html><html><head><script src="${home}/tap.js"></script><title>g</title></head>`,
    );
    expect(page.headers['content-security-policy']).toBe(`frame-ancestors ${home}`);
    expect((await ask({ port, token: '' }, '/sub/a%20b.js')).text).toBe('play()');
    const own = await ask(server, '/');
    expect(own.headers['content-security-policy']).toMatch(`frame-src http://127.0.0.1:${port}`);
    expect(own.headers['cross-origin-embedder-policy']).toBeUndefined();
  });

  it.each(['/.env', '/link.txt', '/../beside.txt', '/%2e%2e/beside.txt', '/none', '/sub', '/%00'])(
    'and nothing else of the disk: %s',
    async (path) => {
      expect((await ask({ port, token: '' }, path)).status).toBe(404);
    },
  );

  it('is asked for by this machine’s names alone', async () => {
    const status = await new Promise((resolve) => {
      get({ host: '127.0.0.1', port, headers: { host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
    });
    expect(status).toBe(421);
  });

  it('has the tap first, however the page begins', () => {
    expect(withTap('<canvas></canvas>', 't')).toBe('<script src="t"></script><canvas></canvas>');
    expect(withTap('<!DOCTYPE html>\n<canvas>', 't')).toBe(
      '<!DOCTYPE html><script src="t"></script>\n<canvas>',
    );
    expect(withTap('<html lang="de"><head\n>x', 't')).toMatch(/<head\n><script/);
  });
});
