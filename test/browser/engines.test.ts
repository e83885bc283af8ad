import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { silentLogger } from '../../src/base/log.js';
import { randomStream } from '../../src/base/random.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import type { LiveClips } from '../../src/play/live/services.js';
import { exportSite, type ExportedFolder } from '../../src/serve/export/export-site.js';
import { startLive } from '../../src/serve/live.js';
import { openOnnxModel } from '../../src/synthesis/engines/onnx/model.js';
import { root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { largestDifference } from '../video/frames.js';
import { scratchPath } from '../video/make-clip.js';
import { chromiumPath, startChromium } from './chromium.js';
import { driven, driverScript, loadDriver } from './driver.js';
import type { Played, PlayOrder } from './driver-types.js';

const SIZE = { width: 32, height: 24 };
const PIXELS = SIZE.width * SIZE.height;
const FRAMES = 32;
const pageFolder = join(root, 'dist', 'web');
const output = scratchPath('site');

/** A clip of noise. */
const noise = (name: string, bytes: number): Uint8Array => {
  const random = randomStream(5, 'eval', name);
  return Uint8Array.from({ length: bytes }, () => random.integer(0, 255));
};
const frames = Array.from({ length: 100 }, (_, i) => noise(`frame ${i}`, 3 * PIXELS));
const conditions = Array.from({ length: 100 }, (_, i) => noise(`condition ${i}`, PIXELS));
const clips: LiveClips = {
  list: [{ name: 'noise', frames: 100, fps: 25 }],
  conditions: (_, first, count) => Promise.resolve(conditions.slice(first, first + count)),
  frames: (_, first, count) =>
    Promise.resolve({
      frames: frames.slice(first, first + count),
      conditions: conditions.slice(first, first + count),
    }),
};

let path: string;
let exported: ExportedFolder;

const siteOf = async (overwrite?: boolean) =>
  exportSite({
    ...{ output, pageFolder, overwrite, name: 'noise', version: '0', size: SIZE, clips },
    ...{ model: await readFile(path), bytesPerPixel: 1, historyFrames: 2, fps: 25 },
  });

beforeAll(async () => {
  await useBackend();
  path = scratchPath('generator.onnx');
  const run = await makeRun({ generator: { historyFrames: 2, noiseChannels: 1 } });
  await exportGenerator(await openRunModel(run), path);
  exported = await siteOf();
});

describe('a page in a folder of its own', () => {
  it('holds the page, its engine, the generator and some frames of the clips', async () => {
    const names = (await readdir(output)).sort();
    expect(names).toEqual([
      ...['assets', 'clips', 'generator.onnx', 'index.html', 'licences.txt'],
      ...['onnxruntime', 'service-worker.js', 'site.json'],
    ]);
    expect(exported).toMatchObject({ folder: output, clipFrames: 64 });
    const sizes = await Promise.all(
      (await readdir(output, { recursive: true })).map((name) => stat(join(output, name))),
    );
    const bytes = sizes.filter((facts) => facts.isFile()).map(({ size }) => size);
    expect(exported.files).toBe(bytes.length);
    expect(exported.total.bytes).toBe(bytes.reduce((sum, size) => sum + size, 0));
    expect(exported.total.gzipped).toBeLessThan(8e6);
    expect(await readFile(join(output, 'generator.onnx'))).toEqual(await readFile(path));
  });

  it('is not written over what is there, and never over what it did not write', async () => {
    await expect(siteOf()).rejects.toMatchObject({ code: 'exists' });
    const before = await stat(join(output, 'site.json'));
    await siteOf(true);
    expect((await stat(join(output, 'site.json'))).ino).not.toBe(before.ino);
    const home = scratchPath('home');
    await mkdir(home);
    await writeFile(join(home, 'thesis.txt'), 'years');
    const over = exportSite({
      ...{ output: home, overwrite: true, pageFolder, name: 'x', version: '0', size: SIZE },
      ...{ model: await readFile(path), bytesPerPixel: 1, historyFrames: 2, fps: 25 },
    });
    await expect(over).rejects.toThrow('holds thesis.txt, which would be lost');
    expect(await readdir(home)).toEqual(['thesis.txt']);
    const unbuilt = exportSite({
      ...{ output: scratchPath('other'), pageFolder: home, name: 'x', version: '0', size: SIZE },
      ...{ model: await readFile(path), bytesPerPixel: 1, historyFrames: 2, fps: 25 },
    });
    await expect(unbuilt).rejects.toThrow('the page is not built');
  });
});

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
};

/** What tests have of the engines without the page, which an export leaves out. */
const ofTests = async (): Promise<Map<string, Uint8Array>> =>
  new Map([
    ['engine.js', await readFile(join(pageFolder, 'engine.js'))],
    ['driver.js', await driverScript()],
  ]);

const orderOf = (told: readonly Uint8Array[]): PlayOrder => ({
  ...{ engine: 'wasm', threads: 2, ...SIZE },
  conditions: told.map((bytes) => Buffer.from(bytes).toString('base64')),
});

/** A host that knows nothing: files below a path of its own, and no headers but their kind. */
async function plainHost(): Promise<{ server: Server; url: string }> {
  const extra = await ofTests();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const name = pathname.replace(/^\/some\/where\//, '').replace(/^$/, 'index.html');
    const given = extra.get(name);
    (given ? Promise.resolve(given) : readFile(join(output, name))).then(
      (content) =>
        response
          .writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' })
          .end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/where/` };
}

describe.skipIf(chromiumPath === undefined)('the engines of a page', () => {
  let browser: BrowserContext;
  let page: Page;
  let host: Awaited<ReturnType<typeof plainHost>>;
  let errors: string[] = [];

  const openPage = async (url: string): Promise<void> => {
    page = await browser.newPage();
    errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(url);
  };
  /** Of hosts that have nothing of the tests' own. */
  const giveDriver = async (): Promise<void> => {
    for (const [name, content] of await ofTests()) {
      await page.route(`**/${name}`, (route) =>
        route.fulfill({ contentType: 'text/javascript', body: Buffer.from(content) }),
      );
    }
  };
  beforeAll(async () => {
    host = await plainHost();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser.close();
    host.server.close();
  });

  /** What this machine makes of the same. */
  async function expectSame(played: Played, told: readonly Uint8Array[]): Promise<void> {
    const node = await openOnnxModel(path, { threads: 1 });
    const world = node.open();
    for (const [i, condition] of told.entries()) {
      const here = Uint8Array.from(Buffer.from(played.frames[i]!, 'base64'));
      expect(largestDifference(here, await world.next(condition))).toBeLessThanOrEqual(1);
    }
    world.dispose();
    await node.release();
  }

  it('make the pictures that this machine makes, on any host and with threads', async () => {
    await openPage(host.url);
    await driven.takeServiceWorker(page);
    await loadDriver(page);
    const told = conditions.slice(0, FRAMES);
    const played = await driven.play(page, orderOf(told));
    expect(played).toMatchObject({
      isolated: true,
      model: { engine: { name: 'onnxruntime-web', device: 'wasm', threads: 2 }, ...SIZE },
    });
    await expectSame(played, told);
    expect(errors).toEqual([]);
  });

  it('work once their host is gone', async () => {
    await driven.keepOffline(page);
    await giveDriver();
    host.server.closeAllConnections();
    await new Promise((closed) => host.server.close(closed));
    await page.reload();
    await loadDriver(page);
    const played = await driven.play(page, orderOf(conditions.slice(0, 1)));
    expect(played).toMatchObject({ isolated: true, frames: [expect.any(String)] });
    await page.close();
  });

  it('of a server and of its page make the same, and the page has its own recorded there', async () => {
    const folder = scratchPath('kept');
    const live = await startLive({
      ...{ place: path, folder, pageFolder, threads: 1, log: silentLogger },
    });
    try {
      await openPage(live.url);
      await giveDriver();
      await loadDriver(page);
      const told = conditions.slice(0, 8);
      const there = await driven.play(page, { ...orderOf(told), engine: 'server' });
      expect(there.model.engine).toMatchObject({ name: 'onnxruntime-node', threads: 1 });
      await expectSame(there, told);
      const here = await driven.play(page, { ...orderOf(told), threads: 1, record: true });
      expect(here.model).toMatchObject({
        engine: { name: 'onnxruntime-web', device: 'wasm', threads: 1 },
        can: { record: true },
      });
      await expectSame(here, told);
      const { recorded } = here;
      expect(recorded).toMatchObject({ frames: 8 });
      expect(recorded!.files.map(({ holds }) => holds)).toEqual(['video', 'condition', 'pipeline']);
      for (const { name, bytes } of recorded!.files) {
        expect((await stat(join(recorded!.folder!, name))).size).toBe(bytes);
      }
      expect(errors).toEqual([]);
    } finally {
      await page.close();
      await live.close();
    }
  });
});
