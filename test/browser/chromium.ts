import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';
import { findProgram } from '../../scripts/setup/paths.mjs';

/** A Chromium of this machine, or of FRAMELOOM_CHROMIUM; undefined where there is none. */
export const chromiumPath = [
  process.env.FRAMELOOM_CHROMIUM,
  ...['chromium', 'chromium-browser', 'google-chrome'].map((name) => findProgram(name)),
].find((path) => path !== undefined && existsSync(path));

/** What makes the screen one for fingers alone, to style sheets too. */
const TOUCHED = ['--blink-settings=primaryPointerType=2,availablePointerTypes=2', '--touch-events'];

/** A browser of nobody's, without a screen; all that it keeps goes with it. @param isTouched whether fingers are all that it has */
export async function startChromium(
  isTouched = false,
): Promise<BrowserContext & { close(): Promise<void> }> {
  if (chromiumPath === undefined) throw new Error('there is no Chromium: set FRAMELOOM_CHROMIUM');
  const profile = await mkdtemp(join(tmpdir(), 'frameloom-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', '--disable-quic'],
      ...(isTouched ? TOUCHED : []),
    ],
  });
  context.on('close', () => void rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  return context;
}
