import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { rational } from '../../src/base/rational.js';
import { startRecord, type RunningRecord } from '../../src/serve/record/record.js';
import { takePipeline } from '../../src/serve/record/take-pipeline.js';
import { readFrames } from '../../src/video/index.js';
import { root } from '../program.js';
import { chromiumPath, startChromium } from './chromium.js';

const [WIDTH, HEIGHT] = [96, 64];

/** Draws which keys it was told are held: one half of the picture for each of them. By WebGL, which keeps no picture. */
const DRAWS = `
  const canvas = document.querySelector('canvas');
  const gl = canvas.getContext('webgl');
  const held = new Set();
  addEventListener('keydown', ({ code }) => held.add(code));
  addEventListener('keyup', ({ code }) => held.delete(code));
  gl.enable(gl.SCISSOR_TEST);
  const fill = (x, isOn) => {
    gl.scissor(x, 0, ${WIDTH / 2}, ${HEIGHT});
    gl.clearColor(isOn ? 1 : 0, 0.5, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  };
  const draw = () => {
    fill(0, held.has('ArrowLeft'));
    fill(${WIDTH / 2}, held.has('Space'));
    requestAnimationFrame(draw);
  };
  draw();
`;

/** What the frames of a take show, and what its rows say: a text of 0 and 1 for each column. */
async function takeOf(folder: string, name: string) {
  const seen: [string, string] = ['', ''];
  for await (const { data, width, height } of readFrames(join(folder, `${name}.mp4`))) {
    const red = (x: number): number => data[3 * ((height >> 1) * width + x)]!;
    seen[0] += red(width >> 2) > 128 ? '1' : '0';
    seen[1] += red(3 * (width >> 2)) > 128 ? '1' : '0';
  }
  const lines = (await readFile(join(folder, `${name}.csv`), 'utf8')).trimEnd().split('\n');
  const rows = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(','));
  return { seen, told: [1, 2].map((at) => rows.map((cells) => cells[at]).join('')) };
}

/** Frames at which a key goes down or up. */
const changesIn = (held: string): number[] =>
  Array.from(held, (value, i) => (i > 0 && value !== held[i - 1] ? [i] : [])).flat();

/**
 * Each change of a row is one of the picture, at the frame itself or one of the two beside it.
 * @param late frames that the picture may come later by
 */
function expectInStep({ seen, told }: Awaited<ReturnType<typeof takeOf>>, late = 2): void {
  for (const [at, held] of told.entries()) {
    const [shown, said] = [changesIn(seen[at]!), changesIn(held)];
    expect(held).toHaveLength(seen[at]!.length);
    expect(said.length).toBeGreaterThan(0);
    expect(said, `${seen[at]!}\n${held}`).toHaveLength(shown.length);
    for (const [i, frame] of said.entries()) {
      expect(shown[i]! - frame, `${seen[at]!}\n${held}`).toBeGreaterThanOrEqual(-2);
      expect(shown[i]! - frame, `${seen[at]!}\n${held}`).toBeLessThanOrEqual(late);
    }
  }
}

async function playSome(page: Page): Promise<void> {
  for (const [key, ms] of [
    // A tap that is shorter than a frame of a busy machine is in a row and in no picture.
    ['ArrowLeft', 400],
    ['Space', 300],
    ['ArrowLeft', 300],
  ] as const) {
    await page.keyboard.down(key);
    await page.waitForTimeout(ms);
    await page.keyboard.up(key);
    await page.waitForTimeout(300);
  }
}

describe.skipIf(chromiumPath === undefined)('the recorder', () => {
  let browser: BrowserContext;
  const errors: string[] = [];
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(game?: string): Promise<{ server: RunningRecord; page: Page }> {
    const server = await startRecord({
      output: await mkdtemp(join(tmpdir(), 'frameloom-takes-')),
      pipeline: await takePipeline('actions-to-video', ['left', 'jump']),
      ...{ fps: rational(30), game, pageFolder: join(root, 'dist', 'web'), log: silentLogger },
    });
    const page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    if (game === undefined) {
      // In the place of the browser's own choice: a canvas of this page.
      await page.addInitScript(`navigator.mediaDevices.getDisplayMedia = async () => {
        const made = document.createElement('canvas');
        Object.assign(made, { width: ${WIDTH}, height: ${HEIGHT} });
        document.body.append(made);
        { ${DRAWS} }
        return made.captureStream();
      }`);
    }
    await page.goto(server.url);
    return { server, page };
  }

  async function take(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Record' }).click();
    await page.getByText(/\d+ frames · \d+ repeated/).waitFor();
    await playSome(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.takes li').waitFor();
  }

  it('records a game’s own canvas, each frame with the keys that it was drawn by', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'frameloom-game-')), 'game');
    await mkdir(folder);
    const html = `<!doctype html><canvas width="${WIDTH}" height="${HEIGHT}"></canvas><script>${DRAWS}</script>`;
    await writeFile(join(folder, 'index.html'), html);
    const { server, page } = await open(folder);
    await page.getByText(`${WIDTH} × ${HEIGHT}`).waitFor();
    await take(page);
    const frames = await takeOf(server.folder, '00001');
    expect(frames.seen[0].length).toBeGreaterThan(20);
    expectInStep(frames);
    await server.close();
  });

  it('records what the browser captures, with the keys that the page was told', async () => {
    const { server, page } = await open();
    await page.getByRole('button', { name: 'Choose a screen' }).click();
    await page.getByText(`${WIDTH} × ${HEIGHT}`).waitFor();
    await take(page);
    // A key is known when it is pressed, and a busy machine draws what it does some frames later.
    expectInStep(await takeOf(server.folder, '00001'), 5);
    await server.close();
    expect(errors.filter((text) => !text.includes('favicon'))).toEqual([]);
  });
});
