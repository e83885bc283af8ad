import { build } from 'esbuild';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { root } from '../program.js';
import type { Driver } from './driver-types.js';

declare const driver: Driver;

/** The driver's code, for a host of the page to serve as `driver.js`. */
export async function driverScript(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/browser/page/driver.ts')],
    ...{ bundle: true, write: false, format: 'esm', target: 'es2022', logLevel: 'error' },
  });
  return outputFiles[0]!.contents;
}

/** Loads it into a page whose host has it. */
export const loadDriver = async (page: Page): Promise<void> =>
  page.addScriptTag({ url: 'driver.js', type: 'module' }).then(() => undefined);

/** What it does there. */
export const driven = {
  /** Waits until a page has got its service worker and has loaded itself again, which it does by itself. */
  async takeServiceWorker(page: Page) {
    await page.waitForFunction(
      () => (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated,
    );
  },
  keepOffline: (page: Page) => page.evaluate(() => driver.keepOffline()),
  play: (page: Page, order: Parameters<Driver['play']>[0]) =>
    page.evaluate((asked) => driver.play(asked), order),
};
