import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { startLive, type RunningLive } from '../../src/serve/live.js';
import { root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip, runFfmpeg, scratchPath } from '../video/make-clip.js';
import { chromiumPath, startChromium } from './chromium.js';

const [WIDTH, HEIGHT] = [64, 36];
const FRAMES = 12;
const PALETTE = { sky: [0, 0, 200], road: [90, 90, 90], tree: [0, 160, 0], car: [220, 0, 0] };
const COLOURS = Object.values(PALETTE);
const [SKY, ROAD, TREE, CAR] = [0, 1, 2, 3];

/** Sky above, a road below, and a car that drives along it. */
async function labelsOf(): Promise<string> {
  const rgb = new Uint8Array(3 * WIDTH * HEIGHT * FRAMES);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < WIDTH; x += 1) {
        const isCar = y >= 24 && y < 30 && x >= 4 + frame && x < 16 + frame;
        const id = isCar ? CAR : y < 18 ? SKY : ROAD;
        rgb.set(COLOURS[id]!, 3 * ((frame * HEIGHT + y) * WIDTH + x));
      }
    }
  }
  const [raw, path] = [scratchPath('labels.raw'), scratchPath('labels.mkv')];
  await writeFile(raw, rgb);
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${WIDTH}x${HEIGHT}`, '-r', '25'];
  await runFfmpeg(...input, '-i', raw, '-c:v', 'png', path);
  return path;
}

describe.skipIf(chromiumPath === undefined)('the live page', () => {
  let live: RunningLive;
  let browser: BrowserContext;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    const run = await makeRun({
      data: {
        size: `${WIDTH}x${HEIGHT}`,
        clips: [await makeClip({ width: WIDTH, height: HEIGHT, frames: FRAMES })],
        condition: {
          kind: 'paired',
          content: 'labels',
          path: [await labelsOf()],
          palette: PALETTE,
        },
      },
      generator: { historyFrames: 1, noiseChannels: 1 },
    });
    const pageFolder = join(root, 'dist', 'web');
    live = await startLive({ place: run, pageFolder, log: silentLogger, fps: 25 });
    [browser] = await Promise.all([startChromium(), live.ready]);
    page = await browser.newPage();
    await page.setViewportSize({ width: 1280, height: 800 });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(live.url);
    await page.locator('.about-model', { hasText: 'labels · 64 × 36' }).waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await live.close();
  });

  /** Ids of the drawing as it is seen, at places of it. */
  async function seen(...places: [x: number, y: number][]): Promise<number[]> {
    // The next picture of the screen shows it.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    const rgb = await page.evaluate<number[][]>(
      `${JSON.stringify(places)}.map(([x, y]) => [...document.querySelector('#pad').getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3))`,
    );
    return rgb.map((colour) => COLOURS.findIndex((each) => String(each) === String(colour)));
  }

  /** Drags over the drawing from pixel to pixel. */
  async function drag(...places: [x: number, y: number][]): Promise<void> {
    const box = (await page.locator('#pad').boundingBox())!;
    const at = ([x, y]: [number, number]): [number, number] => [
      box.x + ((x + 0.5) / WIDTH) * box.width,
      box.y + ((y + 0.5) / HEIGHT) * box.height,
    ];
    await page.mouse.move(...at(places[0]!));
    await page.mouse.down();
    for (const place of places.slice(1)) await page.mouse.move(...at(place), { steps: 3 });
    await page.mouse.up();
  }

  const shownFrames = async (): Promise<number> => {
    const text = await page.locator('.figure').first().textContent();
    return Number.parseFloat(text ?? '');
  };

  it('shows the map that plays, and lets it stand still', async () => {
    await expect.poll(() => seen([2, 2], [60, 34]), { timeout: 30_000 }).toEqual([SKY, ROAD]);
    expect(await page.locator('.first-hint').isVisible()).toBe(true);
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Let the map move' }).waitFor();
    await expect.poll(() => seen([2, 2], [60, 34]), { timeout: 30_000 }).toEqual([SKY, ROAD]);
    const before = await seen([5, 26], [20, 26], [40, 26]);
    await page.waitForTimeout(300);
    expect(await seen([5, 26], [20, 26], [40, 26])).toEqual(before);
  });

  it('paints with each tool, and takes each back', async () => {
    const [tree, probe] = ['3', [32, 8] as [number, number]];
    const paints: readonly [string, () => Promise<void>][] = [
      ['b', () => drag([20, 8], [44, 8])],
      ['l', () => drag([20, 8], [44, 8])],
      ['r', () => drag([28, 4], [36, 12])],
      ['o', () => drag([28, 4], [36, 12])],
      ['f', () => drag([2, 2])],
    ];
    for (const [key, paint] of paints) {
      await page.keyboard.press(tree);
      await page.keyboard.press(key);
      await paint();
      expect([key, ...(await seen(probe))]).toEqual([key, TREE]);
      await page.keyboard.press('Control+z');
      expect([key, ...(await seen(probe))]).toEqual([key, SKY]);
    }
    expect(await page.locator('.first-hint').isVisible()).toBe(false);
    await page.keyboard.press('Control+y');
    expect(await seen(probe, [2, 2])).toEqual([TREE, TREE]);
    await page.keyboard.press('e');
    await drag([30, 8], [34, 8]);
    expect(await seen(probe, [2, 2])).toEqual([SKY, TREE]);
    await page.keyboard.press('Control+Backspace');
    expect(await seen([2, 2])).toEqual([SKY]);
  });

  it('moves, copies and stamps what is selected', async () => {
    await page.keyboard.press('4');
    await page.keyboard.press('r');
    await drag([4, 4], [7, 7]);
    await page.keyboard.press('s');
    await drag([2, 2], [10, 10]);
    await drag([5, 5], [25, 5]);
    await page.keyboard.press('Enter');
    expect(await seen([5, 5], [25, 5])).toEqual([SKY, CAR]);
    await drag([22, 2], [30, 10]);
    await page.keyboard.press('Control+c');
    await drag([50, 10]);
    expect(await seen([50, 10], [25, 5], [46, 6])).toEqual([CAR, CAR, SKY]);
    for (let step = 0; step < 3; step += 1) await page.keyboard.press('Control+z');
    expect(await seen([50, 10], [25, 5], [5, 5])).toEqual([SKY, SKY, SKY]);
  });

  it('draws by the keyboard alone', async () => {
    await page.keyboard.press('b');
    await page.getByRole('button', { name: 'tree' }).press('Enter');
    await page.locator('#pad').focus();
    for (const key of ['Space', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Space']) {
      await page.keyboard.press(key);
    }
    expect(await seen([32, 18], [46, 18])).toEqual([TREE, TREE]);
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Pen down, pen up').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Backspace');
  });

  it('keeps what is drawn on the server, and opens it as a layer', async () => {
    await page.keyboard.press('2');
    await page.keyboard.press('r');
    await drag([10, 2], [20, 6]);
    await page.getByLabel('Name of the drawing').fill('two roads');
    await page.getByRole('button', { name: 'Save the drawing' }).click();
    await page.getByText('Saved as two roads.').waitFor();
    await page.locator('#pad').focus();
    await page.keyboard.press('Control+Backspace');
    expect(await seen([12, 4])).toEqual([SKY]);
    await page.keyboard.press('Control+o');
    await page.getByRole('dialog').getByRole('button', { name: 'two roads', exact: true }).click();
    await expect.poll(() => seen([12, 4], [8, 4])).toEqual([ROAD, SKY]);
    await page.getByRole('button', { name: 'Delete the layer' }).click();
    expect(await seen([12, 4])).toEqual([SKY]);
  });

  it('records what was drawn, frame by frame, and plays it back', async () => {
    await page.keyboard.press('3');
    await page.keyboard.press('f');
    await drag([2, 2]);
    await page.keyboard.press('c');
    await page.locator('.elapsed', { hasText: '0:01' }).waitFor();
    await page.keyboard.press('c');
    const dialog = page.getByRole('dialog', { name: 'Recorded' });
    await dialog.waitFor();
    const said = (await dialog.locator('p').textContent())!;
    const frames = Number.parseInt(said, 10);
    expect(frames).toBeGreaterThan(5);
    const played = (): Promise<number> =>
      page.evaluate("document.querySelector('.recorded video').currentTime");
    await expect.poll(played, { timeout: 30_000 }).toBeGreaterThan(0.1);
    const recordings = join(live.folder, 'recordings');
    const [name] = await readdir(recordings);
    const decoded = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
    const told = await runFfmpeg('-i', join(recordings, name!, 'condition.mkv'), ...decoded);
    const size = 3 * WIDTH * HEIGHT;
    expect(told.length).toBe(frames * size);
    // From some frame on, and then in each, the sky is green.
    const skies = Array.from({ length: frames }, (_, frame) =>
      String([...told.subarray(frame * size, frame * size + 3)]),
    );
    const green = String(COLOURS[TREE]);
    expect(skies.indexOf(green)).toBeLessThan(frames / 2);
    expect(skies.slice(skies.indexOf(green)).every((sky) => sky === green)).toBe(true);
    const world = await runFfmpeg('-i', join(recordings, name!, 'frames.mp4'), ...decoded);
    expect(world.length).toBe(frames * size);
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  it('goes on in the page itself with the same drawing', async () => {
    await page.getByLabel('Engine').selectOption('wasm');
    await page.locator('.device', { hasText: 'onnxruntime-web · wasm' }).waitFor();
    await expect.poll(shownFrames, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(await seen([2, 2])).toEqual([TREE]);
    const picture = (): Promise<number> =>
      page.evaluate<number>(
        "document.querySelector('#world').getContext('2d').getImageData(0, 0, 64, 36).data.reduce((sum, value, at) => (sum * 31 + value + at) % 1000003, 7)",
      );
    const before = await picture();
    await expect.poll(picture).not.toBe(before);
    await page.getByLabel('Engine').selectOption('server');
    await page.locator('.device', { hasText: 'onnxruntime-node' }).waitFor();
  });

  it('fits a telephone, and says nothing that it should not', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForTimeout(200);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect((await page.locator('#pad').boundingBox())!.width).toBeGreaterThan(300);
    expect(errors).toEqual([]);
  });
});
