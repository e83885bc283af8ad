import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { decodeFromSession } from '../../src/play/live/packets.js';
import { startLive, type RunningLive } from '../../src/serve/live.js';
import { png } from '../cases/pictures.js';
import { root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip, runFfmpeg, scratchPath } from '../video/make-clip.js';
import { chromiumPath, startChromium } from './chromium.js';
import { LivePage, type Place } from './live-page.js';

const [WIDTH, HEIGHT] = [64, 36];
const FRAMES = 12;
const PALETTE = {
  sky: [0, 0, 200],
  road: [90, 90, 90],
  tree: [0, 160, 0],
  car: [220, 0, 0],
} satisfies Readonly<Record<string, [number, number, number]>>;
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
  let user: LivePage;
  let page: Page;

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
    user = await LivePage.open(browser, live.url, { width: 1280, height: 800 });
    ({ page } = user);
    await page.locator('.about-model', { hasText: 'labels · 64 × 36' }).waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await live.close();
  });

  /** Ids of the drawing as it is seen, at places of it. */
  const seen = async (...places: Place[]): Promise<number[]> =>
    (await user.seen(...places)).map((colour) =>
      COLOURS.findIndex((each) => String(each) === String(colour)),
    );

  it('shows the map that plays, and lets it stand still', async () => {
    await expect.poll(() => seen([2, 2], [60, 34]), { timeout: 30_000 }).toEqual([SKY, ROAD]);
    expect(await page.locator('.first-hint').isVisible()).toBe(true);
    await user.press('m');
    await page.getByRole('button', { name: 'Let the map move' }).waitFor();
    await expect.poll(() => seen([2, 2], [60, 34]), { timeout: 30_000 }).toEqual([SKY, ROAD]);
    const before = await seen([5, 26], [20, 26], [40, 26]);
    await page.waitForTimeout(300);
    expect(await seen([5, 26], [20, 26], [40, 26])).toEqual(before);
  });

  it('paints with each tool, and takes each back', async () => {
    const [tree, probe] = ['3', [32, 8] as Place];
    const paints: readonly [string, () => Promise<void>][] = [
      ['b', () => user.drag([20, 8], [44, 8])],
      ['l', () => user.drag([20, 8], [44, 8])],
      ['r', () => user.drag([28, 4], [36, 12])],
      ['o', () => user.drag([28, 4], [36, 12])],
      ['f', () => user.drag([2, 2])],
    ];
    for (const [key, paint] of paints) {
      await user.press(tree);
      await user.press(key);
      await paint();
      expect([key, ...(await seen(probe))]).toEqual([key, TREE]);
      await user.press('Control+z');
      expect([key, ...(await seen(probe))]).toEqual([key, SKY]);
    }
    expect(await page.locator('.first-hint').isVisible()).toBe(false);
    await user.press('Control+y');
    expect(await seen(probe, [2, 2])).toEqual([TREE, TREE]);
    await user.press('e');
    await user.drag([30, 8], [34, 8]);
    expect(await seen(probe, [2, 2])).toEqual([SKY, TREE]);
    await user.press('Control+Backspace');
    expect(await seen([2, 2])).toEqual([SKY]);
  });

  it('moves, copies and stamps what is selected', async () => {
    await user.press('4');
    await user.press('r');
    await user.drag([4, 4], [7, 7]);
    await user.press('s');
    await user.drag([2, 2], [10, 10]);
    await user.drag([5, 5], [25, 5]);
    await user.press('Enter');
    expect(await seen([5, 5], [25, 5])).toEqual([SKY, CAR]);
    await user.drag([22, 2], [30, 10]);
    await user.press('Control+c');
    await user.drag([50, 10]);
    expect(await seen([50, 10], [25, 5], [46, 6])).toEqual([CAR, CAR, SKY]);
    for (let step = 0; step < 3; step += 1) await user.press('Control+z');
    expect(await seen([50, 10], [25, 5], [5, 5])).toEqual([SKY, SKY, SKY]);
  });

  it('draws by the keyboard alone', async () => {
    await user.press('b');
    await page.getByRole('button', { name: 'tree' }).press('Enter');
    await page.locator('#pad').focus();
    for (const key of ['Space', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Space']) {
      await user.press(key);
    }
    expect(await seen([32, 18], [46, 18])).toEqual([TREE, TREE]);
    await user.press('?');
    await page.getByRole('dialog').getByText('Pen down, pen up').waitFor();
    await user.press('Escape');
    await user.press('Control+Backspace');
  });

  it('keeps what is drawn on the server with its layers, and opens other pictures as one', async () => {
    const names = (): Promise<string[]> => page.locator('.layer').allTextContents();
    await user.press('2', 'r');
    await user.drag([10, 2], [20, 6]);
    await user.press('n', '4');
    await user.drag([15, 2], [25, 6]);
    await user.press('n', '3');
    await user.drag([20, 2], [30, 6]);
    await page.getByRole('button', { name: 'Hide Layer 3' }).click();
    const probes: Place[] = [
      [12, 4],
      [18, 4],
      [28, 4],
    ];
    expect(await seen(...probes)).toEqual([ROAD, CAR, SKY]);
    await user.save('two roads');
    await user.press('Control+Backspace');
    await page.getByRole('button', { name: 'Delete the layer' }).click();
    expect([await names(), await seen([12, 4])]).toEqual([['Layer 2', 'Layer 1'], [SKY]]);
    await user.open('two roads');
    await expect.poll(() => seen(...probes)).toEqual([ROAD, CAR, SKY]);
    expect(await names()).toEqual(['Layer 3', 'Layer 2', 'Layer 1']);
    await page.getByRole('button', { name: 'Show Layer 3' }).click();
    expect(await seen(...probes)).toEqual([ROAD, CAR, TREE]);
    await page.locator('#pad').focus();
    await user.press('Control+z');
    expect([await names(), await seen([12, 4])]).toEqual([['Layer 2', 'Layer 1'], [SKY]]);
    // One of another program, as those that were saved before layers were kept.
    await writeFile(join(live.folder, 'drawings', 'old.png'), png(PALETTE.road, 'rgb', 16, 9));
    await user.open('old');
    await expect.poll(() => seen([2, 2])).toEqual([ROAD]);
    expect(await names()).toEqual(['old', 'Layer 2', 'Layer 1']);
    await page.getByRole('button', { name: 'Delete the layer' }).click();
    await page.getByRole('button', { name: 'Delete the layer' }).click();
    expect([await names(), await seen([2, 2])]).toEqual([['Layer 1'], [SKY]]);
  });

  it('records what was drawn, frame by frame, and plays it back', async () => {
    await user.press('3');
    await user.press('f');
    await user.drag([2, 2]);
    const { dialog, frames } = await user.record(1);
    expect(frames).toBeGreaterThan(5);
    await expect.poll(() => user.playedSeconds(), { timeout: 30_000 }).toBeGreaterThan(0.1);
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
    await user.useEngine('wasm', 'onnxruntime-web · wasm');
    await expect.poll(() => user.shownFps(), { timeout: 30_000 }).toBeGreaterThan(0);
    expect(await seen([2, 2])).toEqual([TREE]);
    const picture = async (): Promise<string> => String(await user.picture('world'));
    const before = await picture();
    await expect.poll(picture).not.toBe(before);
    await user.useEngine('server', 'onnxruntime-node');
    await user.press('Control+Backspace');
  });

  /** Which pixels of a row of the sky are trees. */
  const trees = async (row: number): Promise<number[]> => {
    const ids = await seen(...Array.from({ length: WIDTH }, (_, x): Place => [x, row]));
    return [...ids.keys()].filter((x) => ids[x] === TREE);
  };

  it('is enlarged by a wheel, keys and buttons, and draws the pixel that is pointed at', async () => {
    await user.press('3', 'b');
    await page.getByLabel('Size', { exact: true }).first().fill('1');
    const size = page.getByRole('button', { name: /show the whole picture/ });
    const [spot] = await user.at([40, 9]);
    await page.mouse.move(spot!.x, spot!.y);
    await page.keyboard.down('Control');
    for (let notch = 0; notch < 8; notch += 1) await page.mouse.wheel(0, -100);
    await page.keyboard.up('Control');
    await expect.poll(() => size.textContent()).toBe('1102 %');
    // What was under the pointer is so still: a click draws there and nowhere else.
    await page.mouse.down();
    await page.mouse.up();
    expect(await trees(9)).toEqual([40]);
    const box = async () => (await page.locator('#pad').boundingBox())!;
    const [pad, world] = [await box(), (await page.locator('#world').boundingBox())!];
    expect([world.width, world.height]).toEqual([pad.width, pad.height]);
    // The same part of both is seen, and the wheel alone and Space move it.
    await page.mouse.wheel(0, 50);
    await expect.poll(async () => pad.y - (await box()).y).toBeCloseTo(50, 0);
    await page.keyboard.down('Space');
    await page.mouse.down();
    await page.mouse.move(spot!.x + 30, spot!.y + 50);
    await page.mouse.up();
    await page.keyboard.up('Space');
    await expect
      .poll(async () => [(await box()).x, (await box()).y].map(Math.round))
      .toEqual([pad.x + 30, pad.y].map(Math.round));
    expect(await trees(9)).toEqual([40]);
    expect(await page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(true);
    await user.press('0');
    await expect.poll(() => size.textContent()).toBe('100 %');
    await user.press('+', '+');
    await expect.poll(() => size.textContent()).toBe('300 %');
    // The pen of the keyboard is never out of sight.
    await page.locator('#pad').focus();
    await user.press(...Array<string>(7).fill('Shift+ArrowLeft'));
    const { x, width } = await box();
    const frame = (await page.locator('.drawing .screen').boundingBox())!;
    expect([Math.round(x - frame.x), Math.round(width / frame.width)]).toEqual([0, 3]);
    await user.press('-', '-', 'Control+z');
  });

  it('fits a telephone, where one finger draws and two enlarge', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect((await page.locator('#pad').boundingBox())!.width).toBeGreaterThan(300);
    const [first, way, second, far] = await user.at([20, 9], [24, 9], [40, 9], [56, 9]);
    await user.fingers('touchStart', first!);
    await user.fingers('touchMove', way!);
    expect(await trees(9)).toEqual([20, 21, 22, 23, 24]);
    await user.fingers('touchStart', way!, second!);
    expect(await trees(9)).toEqual([]);
    await user.fingers('touchMove', way!, far!);
    await user.fingers('touchEnd', far!);
    await user.fingers('touchMove', second!);
    await user.fingers('touchEnd');
    await expect.poll(() => page.locator('.zoom-size').textContent()).toBe('200 %');
    expect(await trees(9)).toEqual([]);
    const [here, there] = await user.at([30, 9], [32, 9]);
    await user.fingers('touchStart', here!);
    await user.fingers('touchMove', there!);
    await user.fingers('touchEnd');
    expect(await trees(9)).toEqual([30, 31, 32]);
    expect(user.errors).toEqual([]);
  });

  it('says that its clip is being read, where that takes a while', async () => {
    const other = await browser.newPage();
    const held: Buffer[] = [];
    let letGo = (): void => undefined;
    await other.routeWebSocket(/./, (socket) => {
      const server = socket.connectToServer();
      let isHeld = true;
      server.onMessage((message) => {
        const isMap =
          typeof message !== 'string' && decodeFromSession(message, 1).kind === 'clip' && isHeld;
        if (isMap) held.push(message);
        else socket.send(message);
      });
      letGo = () => {
        isHeld = false;
        for (const message of held) socket.send(message);
      };
    });
    await other.goto(live.url);
    const hint = other.locator('.first-hint');
    await expect.poll(() => hint.textContent()).toBe('Reading the clip …');
    await expect.poll(() => held.length).toBe(1);
    expect(await hint.isVisible()).toBe(true);
    letGo();
    // Whoever has drawn before is told nothing more.
    await hint.waitFor({ state: 'hidden' });
    await other.close();
  });
});
