import { build } from 'esbuild';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { inBench } from '../support/files.js';
import type { Watch } from './watched.js';
import { residentOf } from './server.js';

declare const watch: Watch;

export async function watchScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [inBench('live/page/watch.ts')],
    ...{ bundle: true, write: false, format: 'iife', target: 'es2022', logLevel: 'error' },
  });
  return outputFiles[0]!.text;
}

/** Opens the page, watched, and waits for its first frame. */
export async function openWatched(browser: BrowserContext, url: string): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.addInitScript(await watchScript());
  await page.goto(url);
  await page.waitForFunction(() => watch.firstMs !== null, undefined, { timeout: 120_000 });
  return page;
}

export const seen = (page: Page): Promise<Watch> => page.evaluate(() => watch);

/** Short strokes over the drawing, one after the other and at no rate of their own. */
export async function makeStrokes(page: Page, count: number): Promise<void> {
  const box = await page.locator('.frame.drawing canvas').first().boundingBox();
  if (!box) throw new Error('there is nothing to draw on');
  const before = (await seen(page)).strokes.length;
  for (let i = 0; i < count; i += 1) {
    const at = (share: number, from: number, length: number) => from + length * (0.1 + 0.8 * share);
    const x = at((i * 0.618) % 1, box.x, box.width);
    const y = at((i * 0.382) % 1, box.y, box.height);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 6, y + 3);
    await page.mouse.up();
    await page.waitForFunction((wanted) => watch.strokes.length >= wanted, before + i + 1, {
      timeout: 20_000,
    });
    await page.waitForTimeout(60 + ((i * 37) % 90));
  }
}

/** What a page holds: of its scripts after a collection, and its process in all; bytes. */
export async function memoryOf(page: Page, session: CDPSession) {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value;
  const root = await page.context().browser()?.newBrowserCDPSession();
  const processes = root ? (await root.send('SystemInfo.getProcessInfo')).processInfo : [];
  await root?.detach();
  const resident = processes
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => residentOf(id));
  return { heap, resident: resident.length > 0 ? Math.max(...resident) : null };
}
