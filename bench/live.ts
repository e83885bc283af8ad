/**
 * The live page as a browser shows it: docs/bench.md says what each number means.
 *
 *   npm run bench -- --only live [--quick] [--minutes 10] [--parts strokes,steady,engines,start,clients,export]
 *
 * It needs a build (`npm run setup`) and a Chromium (FRAMELOOM_CHROMIUM where it is not on PATH). Writes
 * bench/results/live.json.
 */
import './support/help.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BrowserContext } from 'playwright-core';
import { useBackend } from '../src/backend/index.js';
import { exportGenerator } from '../src/export/index.js';
import { openRunModel } from '../src/pipeline/run-model.js';
import { exportLive } from '../src/serve/export/export-live.js';
import { PAGE_FOLDER } from '../src/serve/page-folder.js';
import { silentLogger } from '../src/base/log.js';
import { startChromium } from '../test/browser/chromium.js';
import { driven, driverScript, loadDriver } from '../test/browser/driver.js';
import { makeRun } from '../test/synthesis/make-run.js';
import { makeStrokes, memoryOf, openWatched, seen } from './live/page.js';
import { pause, residentOf, startLive } from './live/server.js';
import { among, positive } from './support/arguments.js';
import { inBench, say, writeResult } from './support/files.js';
import { isBusy, machineReport } from './support/machine.js';
import { spreadOf, spreadText } from './support/statistics.js';

const PARTS = ['start', 'strokes', 'engines', 'clients', 'export', 'steady'] as const;
const SIZE = { width: 256, height: 144 };
const FPS = 25;

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: PARTS.join(',') },
    minutes: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const parts = among('parts', values.parts, PARTS);
const minutes = positive('minutes', values.minutes ?? (values.quick ? '1' : '10'));
const machine = machineReport();
if (isBusy()) say('others are at work on this machine: times say less');

const quantile = (numbers: readonly number[], share: number): number =>
  [...numbers].sort((a, b) => a - b)[
    Math.min(numbers.length - 1, Math.floor(share * numbers.length))
  ]!;
const p50p95 = (numbers: readonly number[]) => ({
  p50: quantile(numbers, 0.5),
  p95: quantile(numbers, 0.95),
  count: numbers.length,
});
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const MiB = (bytes: number): number => bytes / 2 ** 20;

/** A tiny generator of the sample's labels, untrained: speed needs no training. */
const sample = (name: string): string => inBench(`../samples/${name}`);
const run = await makeRun({
  data: {
    size: `${SIZE.width}x${SIZE.height}`,
    clips: sample('street.mp4'),
    condition: {
      ...{ kind: 'paired', content: 'labels', path: sample('{name}-labels.mkv') },
      palette: sample('street-palette.json'),
    },
  },
  generator: {
    ...{ preset: 'tiny', channels: undefined, residualBlocks: undefined, branchBlocks: undefined },
    ...{ historyFrames: 2, conditionFrames: 3 },
  },
});

// A training leaves its export beside its weights.
await useBackend();
await exportGenerator(await openRunModel(run), join(run, 'exports', 'generator.onnx'));

async function inBrowser<T>(work: (browser: BrowserContext) => Promise<T>): Promise<T> {
  const browser = await startChromium();
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

async function served<T>(
  words: readonly string[],
  work: (live: Awaited<ReturnType<typeof startLive>>) => Promise<T>,
): Promise<T> {
  const live = await startLive(run, words);
  try {
    return await work(live);
  } finally {
    await live.stop();
  }
}

const withEngine = (url: string, engine: string): string =>
  url.replace('/#', `/?engine=${engine}#`);

/** From the start of the program, and of the page from an empty cache, to a first frame. */
async function start() {
  const rounds = values.quick ? 2 : 5;
  const server: number[] = [];
  const page: Record<'server' | 'wasm', number[]> = { server: [], wasm: [] };
  for (let round = 0; round < rounds; round += 1) {
    await served([], async (live) => {
      const first = new Promise<number>((resolve) => {
        void live
          .client((atMs) => resolve(atMs))
          .then(({ socket }) => first.then(() => socket.close()));
      });
      server.push((await first) - live.startedMs);
      for (const engine of ['server', 'wasm'] as const) {
        // A profile of its own: nothing is cached.
        await inBrowser(async (browser) => {
          const opened = await openWatched(browser, withEngine(live.url, engine));
          page[engine].push((await seen(opened)).firstMs!);
        });
      }
    });
  }
  say(
    `start → first frame: server ${spreadText(server, 0)} ms; page ${spreadText(page.server, 0)} ms with the server's engine, ${spreadText(page.wasm, 0)} ms with its own, from a cold cache`,
  );
  return { server, page };
}

/** From a stroke's event to the pixels on the screen. */
async function strokes() {
  const count = values.quick ? 40 : 200;
  const made: Record<string, unknown> = {};
  for (const fps of [FPS, 60]) {
    await served(['--fps', String(fps), '--threads', '1'], (live) =>
      inBrowser(async (browser) => {
        const page = await openWatched(browser, withEngine(live.url, 'server'));
        await pause(2000);
        await makeStrokes(page, count);
        const { strokes: all } = await seen(page);
        const beyond = p50p95(all.map(({ beyondMs }) => beyondMs));
        const whole = p50p95(all.map(({ allMs }) => allMs));
        const parts = {
          sent: p50p95(all.map(({ sentMs }) => sentMs)),
          waited: p50p95(all.map(({ waitedMs }) => waitedMs)),
          shown: p50p95(all.map(({ shownMs }) => shownMs)),
        };
        made[`${fps}`] = { beyond, whole, parts };
        say(
          `stroke → pixels at ${fps} frames/s, beyond the frame's own time: p50 ${ms(beyond.p50)}, p95 ${ms(beyond.p95)}; with it p50 ${ms(whole.p50)}, p95 ${ms(whole.p95)}; ${beyond.count} strokes`,
        );
        const part = ({ p50, p95 }: typeof whole): string => `${ms(p50)} (p95 ${ms(p95)})`;
        say(
          `  of these until it was sent ${part(parts.sent)}, waited until a frame of it came, its making apart, ${part(parts.waited)}, shown ${part(parts.shown)}`,
        );
      }),
    );
  }
  return made;
}

/** The page's own engine beside this machine's, one thread each, by turns. */
async function engines() {
  const rounds = values.quick ? 2 : 5;
  const frames = values.quick ? 20 : 60;
  const conditions = Array.from({ length: frames }, (_, frame) =>
    Buffer.from(
      Uint8Array.from({ length: SIZE.width * SIZE.height }, (__, i) => ((i >> 5) + frame) % 7),
    ).toString('base64'),
  );
  return served(['--threads', '1'], (live) =>
    inBrowser(async (browser) => {
      const page = await browser.newPage();
      const script = Buffer.from(await driverScript());
      await page.route('**/driver.js', (route) =>
        route.fulfill({ contentType: 'text/javascript', body: script }),
      );
      // The page itself plays nothing meanwhile.
      await page.route('**/assets/index-*.js', (route) =>
        route.fulfill({ contentType: 'text/javascript', body: '' }),
      );
      await page.goto(live.url);
      await loadDriver(page);
      const median: Record<'server' | 'wasm', number[]> = { server: [], wasm: [] };
      let apart = 0;
      for (let round = 0; round < rounds; round += 1) {
        const made: string[][] = [];
        for (const engine of ['server', 'wasm'] as const) {
          const played = await driven.play(page, { engine, threads: 1, ...SIZE, conditions });
          median[engine].push(spreadOf(played.frameMs.slice(5)).median);
          made.push([...played.frames]);
        }
        const [there, here] = made.map((all) => Buffer.from(all.at(-1)!, 'base64'));
        for (const [i, byte] of there!.entries())
          apart = Math.max(apart, Math.abs(byte - here![i]!));
      }
      const ratios = median.wasm.map((value, i) => value / median.server[i]!);
      say(
        `a frame on one thread: page ${spreadText(median.wasm, 1)} ms, server ${spreadText(median.server, 1)} ms: ${spreadText(ratios)} times as long; frame ${frames} is ${apart} of 255 apart`,
      );
      return { median, ratios, apart, frames };
    }),
  );
}

/** A client's rate alone, and beside one that never reads. */
async function clients() {
  const seconds = values.quick ? 5 : 20;
  return served(['--fps', String(FPS), '--threads', '1'], async (live) => {
    const rate = async (client: { frames: number }): Promise<number> => {
      const before = client.frames;
      await pause(1000 * seconds);
      return (client.frames - before) / seconds;
    };
    const reader = await live.client();
    await pause(1000);
    const alone = await rate(reader);
    const stuck = await live.client();
    stuck.socket.pause();
    await pause(1000);
    const before = residentOf(live.pid);
    const beside = await rate(reader);
    const grown = residentOf(live.pid) - before;
    stuck.socket.terminate();
    reader.socket.terminate();
    say(
      `frames/s of a client: ${alone.toFixed(1)} alone, ${beside.toFixed(1)} beside one that never reads; the server's memory ${MiB(grown) >= 0 ? '+' : ''}${MiB(grown).toFixed(1)} MiB`,
    );
    return { alone, beside, grown };
  });
}

async function exported() {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-bench-'));
  try {
    const began = performance.now();
    const made = await exportLive({
      ...{ place: run, output: join(folder, 'page'), pageFolder: PAGE_FOLDER, log: silentLogger },
    });
    const seconds = (performance.now() - began) / 1000;
    const { total, parts: sizes } = made;
    const of = Object.entries(sizes).map(
      ([name, { gzipped }]) => `${name} ${(gzipped / 1e6).toFixed(2)}`,
    );
    say(
      `export: ${(total.gzipped / 1e6).toFixed(2)} MB gzipped (${of.join(', ')}), ${(total.bytes / 1e6).toFixed(2)} MB as it lies there; ${seconds.toFixed(1)} s`,
    );
    return { total, parts: sizes, seconds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether the rate holds and memory stays, drawn on all the time. */
async function steady() {
  return served(['--fps', String(FPS), '--threads', '1'], (live) =>
    inBrowser(async (browser) => {
      const page = await openWatched(browser, withEngine(live.url, 'server'));
      const session = await page.context().newCDPSession(page);
      await pause(10_000);
      const marks: {
        second: number;
        fps: number;
        server: number;
        heap: number;
        page: number | null;
      }[] = [];
      const began = performance.now();
      let last = { frames: (await seen(page)).frames, atMs: began };
      while (performance.now() - began < 60_000 * minutes) {
        const until = performance.now() + (60_000 * minutes) / 20;
        while (performance.now() < until) {
          await makeStrokes(page, 3);
          await pause(1500);
        }
        const { frames } = await seen(page);
        const atMs = performance.now();
        const { heap, resident } = await memoryOf(page, session);
        marks.push({
          second: Math.round((atMs - began) / 1000),
          fps: (1000 * (frames - last.frames)) / (atMs - last.atMs),
          ...{ server: residentOf(live.pid), heap, page: resident },
        });
        last = { frames: (await seen(page)).frames, atMs: performance.now() };
      }
      const rates = marks.map(({ fps }) => fps);
      const growth = (of: (mark: (typeof marks)[number]) => number): number =>
        MiB(of(marks.at(-1)!) - of(marks[0]!));
      const grown = {
        server: growth(({ server }) => server),
        heap: growth(({ heap }) => heap),
        page: growth(({ page: all }) => all ?? 0),
      };
      say(
        `${minutes} minutes at ${FPS} frames/s asked: ${spreadText(rates, 1)} frames/s; memory ${Object.entries(
          grown,
        )
          .map(([name, grew]) => `${name} ${grew >= 0 ? '+' : ''}${grew.toFixed(1)} MiB`)
          .join(', ')}`,
      );
      return { minutes, marks, grown };
    }),
  );
}

const WORK = { start, strokes, engines, clients, export: exported, steady };
const results: Record<string, unknown> = {};
for (const part of parts) {
  results[part] = await WORK[part]();
  const report = { machine, quick: values.quick, size: SIZE, ...results };
  await writeResult('live.json', `${JSON.stringify(report, null, 2)}\n`);
}
say('\nwritten: bench/results/live.json');
process.exit();
