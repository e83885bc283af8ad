import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { readFrames } from '../../src/video/index.js';
import { LivePage, type Place } from '../../test/browser/live-page.js';
import { say } from '../support/files.js';
import type { LiveProcess } from './server.js';

type Windows<Name extends string> = Readonly<
  Record<Name, { readonly width: number; readonly height: number }>
>;

/** What somebody looks at it on: a laptop, a screen of 4K, and a telephone, which is a browser of its own. */
const TELEPHONE: Windows<'360'> = { '360': { width: 360, height: 740 } };
const WINDOWS: Windows<'1280' | '4k'> = {
  '1280': { width: 1280, height: 800 },
  '4k': { width: 3840, height: 2160 },
};

/** How far two pictures' luma is apart in the mean, up to which one is the other, encoded: of 255. Colour is subsampled. */
const SAME = 2.5;

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`it does not hold that ${what}`);
  say(`  ${what}`);
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const luma = (rgb: Uint8Array, at: number): number =>
  0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!;

function apart(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 3) sum += Math.abs(luma(a, at) - luma(b, at));
  return a.length === b.length ? (3 * sum) / a.length : Infinity;
}

/** One visit to the page of a run, with what is seen and what is demanded. */
export class Tour {
  readonly user: LivePage;
  /** Where the server keeps drawings and recordings. */
  readonly #folder: string;
  readonly #screenshots: string;
  #width = 0;
  #height = 0;

  private constructor(
    user: LivePage,
    places: { readonly live: LiveProcess; readonly folder: string; readonly screenshots: string },
  ) {
    this.user = user;
    this.#folder = places.folder;
    this.#screenshots = places.screenshots;
  }

  /** Opens the page and waits for a world that moves. @param isTelephone whether the browser has fingers alone */
  static async begin(
    browser: BrowserContext,
    places: { readonly live: LiveProcess; readonly folder: string; readonly screenshots: string },
    isTelephone = false,
  ): Promise<Tour> {
    await mkdir(places.screenshots, { recursive: true });
    const first = isTelephone ? TELEPHONE['360'] : WINDOWS['1280'];
    const user = await LivePage.open(browser, places.live.url, first);
    const tour = new Tour(user, places);
    await user.page.locator('.about-model', { hasText: '×' }).waitFor();
    await tour.untilMoving();
    const text = (await user.page.locator('.about-model').textContent())!;
    const [, width, height] = /(\d+) × (\d+)/.exec(text)!.map(Number);
    [tour.#width, tour.#height] = [width!, height!];
    say(`  it says: ${text}`);
    return tour;
  }

  /** A pixel of the drawing, by shares of it. */
  at(x: number, y: number): Place {
    return [Math.floor(x * this.#width), Math.floor(y * this.#height)];
  }

  async shot(name: string, fullPage = false): Promise<void> {
    await this.user.settle();
    await this.user.page.screenshot({ path: join(this.#screenshots, `${name}.png`), fullPage });
  }

  async untilMoving(): Promise<void> {
    const { user } = this;
    const before = await user.picture('world');
    const end = performance.now() + 120_000;
    while (equal(before, await user.picture('world'))) {
      if (performance.now() > end) throw new Error('the world does not move');
      await user.page.waitForTimeout(50);
    }
  }

  /** Has the map below the drawing hold still, once it is there. */
  async holdStill(): Promise<void> {
    const { page } = this.user;
    const hold = page.getByRole('button', { name: 'Hold the map still' });
    if (!(await hold.isVisible())) return;
    // What plays before the clip is read is blank.
    const end = performance.now() + 60_000;
    const isBlank = (picture: Uint8Array): boolean =>
      picture.every((level, at) => level === picture[at % 3]);
    while (isBlank(await this.user.picture('pad'))) {
      if (performance.now() > end) throw new Error('no map of the clip is shown');
      await page.waitForTimeout(50);
    }
    await this.user.press('m');
    await page.getByRole('button', { name: 'Let the map move' }).waitFor();
    let before = await this.user.picture('pad');
    for (let calm = 0; calm < 5; calm += 1) {
      await page.waitForTimeout(100);
      const now = await this.user.picture('pad');
      if (!equal(before, now)) calm = 0;
      before = now;
    }
  }

  /** Has the map below the drawing move again. */
  async letMove(): Promise<void> {
    const move = this.user.page.getByRole('button', { name: 'Let the map move' });
    if (await move.isVisible()) await this.user.press('m');
  }

  /** Chooses something of the palette that is seen where it is drawn. */
  async chooseInk(at: Place): Promise<string> {
    const { user } = this;
    const before = await user.picture('pad');
    for (let digit = 1; digit <= 9; digit += 1) {
      await user.press(String(digit), 'b');
      await user.drag(at);
      await user.settle();
      const isSeen = !equal(before, await user.picture('pad'));
      await user.press('Control+z');
      await user.settle();
      if (isSeen) return String(digit);
    }
    throw new Error('nothing of the palette is seen where it is drawn');
  }

  /** Draws, and demands that it is seen, is taken back whole, and comes back. */
  async paints(name: string, draw: () => Promise<void>): Promise<void> {
    const { user } = this;
    await user.settle();
    const before = await user.picture('pad');
    await draw();
    await user.settle();
    const after = await user.picture('pad');
    await user.press('Control+z');
    await user.settle();
    const undone = await user.picture('pad');
    await user.press('Control+y');
    await user.settle();
    const isWhole = equal(undone, before) && equal(await user.picture('pad'), after);
    demand(!equal(before, after) && isWhole, `${name} draws, is undone whole and done again`);
  }

  /** The names of the layers, the uppermost first. */
  layers(): Promise<string[]> {
    return this.user.page.locator('.layer').allTextContents();
  }

  /**
   * Records while something is done, and holds the files to what was shown meanwhile: each picture that was seen is in
   * the video, in the same order, and what was drawn is in the conditions.
   */
  async records(name: string, during: () => Promise<void>): Promise<string> {
    const { user } = this;
    const shown: Uint8Array[] = [];
    const drawn: Uint8Array[] = [];
    const hasPad = await user.page.locator('#pad').isVisible();
    await user.press('c');
    await user.page.locator('.elapsed', { hasText: '0:01' }).waitFor();
    for (let i = 0; i < 6; i += 1) {
      if (i === 2) {
        await during();
        // What was drawn is in the next frame but one at the latest.
        await user.page.waitForTimeout(400);
      }
      shown.push(await user.picture('world'));
      if (hasPad) drawn.push(await user.picture('pad'));
      await user.page.waitForTimeout(150);
    }
    await user.press('c');
    const dialog = user.page.getByRole('dialog', { name: 'Recorded' });
    await dialog.waitFor();
    const frames = Number.parseInt((await dialog.locator('p').textContent())!, 10);
    const end = performance.now() + 60_000;
    while ((await user.playedSeconds()) < 0.1) {
      if (performance.now() > end) throw new Error('the recording does not play');
      await user.page.waitForTimeout(50);
    }
    await this.shot(`${name}-played-back`);
    await dialog.getByRole('button', { name: 'Close' }).click();
    const [folder] = (await readdir(join(this.#folder, 'recordings'))).sort().slice(-1);
    const path = join(this.#folder, 'recordings', folder!);
    const video = await this.#decode(join(path, 'frames.mp4'));
    demand(video.length === frames, `${frames} frames were recorded, and play in the page`);
    this.#demandInOrder('world', shown, video, SAME);
    if (hasPad)
      this.#demandInOrder('drawing', drawn, await this.#decode(join(path, 'condition.mkv')), 0);
    return path;
  }

  async #decode(path: string): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    for await (const { data } of readFrames(path)) frames.push(data);
    return frames;
  }

  #demandInOrder(
    what: string,
    shown: readonly Uint8Array[],
    video: readonly Uint8Array[],
    most: number,
  ): void {
    let from = 0;
    let worst = 0;
    for (const picture of shown) {
      const off = video.slice(from).map((frame) => apart(frame, picture));
      const least = Math.min(...off);
      // The first that is as good as any: pictures that do not change are many times the same.
      from += off.indexOf(least);
      worst = Math.max(worst, least);
    }
    demand(
      worst <= most,
      `${shown.length} pictures of the ${what} that were shown are in the recording in their order (luma ${worst.toFixed(2)} of 255 apart at the most)`,
    );
  }

  /** Holds the button of each action by a finger for a while. @param meanwhile the first is held @returns their names */
  async holds(meanwhile: () => Promise<void>): Promise<readonly string[]> {
    const { user } = this;
    const buttons = user.page.locator('.button.action');
    const names = await buttons.locator('.label').allTextContents();
    for (const [at, column] of names.entries()) {
      const box = (await buttons.nth(at).boundingBox())!;
      const isHeld = async (): Promise<boolean> =>
        (await buttons.nth(at).getAttribute('aria-pressed')) === 'true';
      await user.fingers('touchStart', {
        x: box.x + box.width / 2,
        y: box.y + box.height / 2,
      });
      await user.page.waitForTimeout(300);
      const byFinger = await isHeld();
      if (at === 0) await meanwhile();
      await user.fingers('touchEnd');
      await user.page.waitForTimeout(100);
      demand(byFinger && !(await isHeld()), `${column} is held by a finger, and let go`);
    }
    return names;
  }

  /** The page on each screen, dark and light. */
  async look(name: string, isTelephone = false): Promise<void> {
    const { page } = this.user;
    for (const [window, size] of Object.entries<Windows<string>[string]>(
      isTelephone ? TELEPHONE : WINDOWS,
    )) {
      await page.setViewportSize(size);
      for (const scheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForTimeout(200);
        await this.shot(`${name}-${window}-${scheme}`, isTelephone);
      }
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      demand(wide === size.width, `nothing is wider than a window of ${size.width} pixels`);
    }
  }

  /** One finger draws; a second takes that back, and both enlarge; and one draws there too. */
  async fingers(): Promise<void> {
    const { user } = this;
    const before = await user.picture('pad');
    const isAsBefore = async (): Promise<boolean> => {
      await user.settle();
      return equal(before, await user.picture('pad'));
    };
    const [first, way, second, far] = await user.at(
      ...([0.3, 0.4, 0.6, 0.9] as const).map((x) => this.at(x, 0.4)),
    );
    await user.fingers('touchStart', first!);
    await user.fingers('touchMove', way!);
    const drew = !(await isAsBefore());
    await user.fingers('touchStart', way!, second!);
    const isBack = await isAsBefore();
    await user.fingers('touchMove', way!, far!);
    await user.fingers('touchEnd');
    demand(
      drew && isBack && (await isAsBefore()),
      'a second finger takes back what the first drew',
    );
    const text = (await user.page.locator('.zoom-size').textContent())!;
    demand(Number.parseInt(text, 10) > 150, `two fingers enlarge (${text})`);
    const [from, to] = await user.at(this.at(0.5, 0.4), this.at(0.55, 0.4));
    await user.fingers('touchStart', from!);
    await user.fingers('touchMove', to!);
    await user.fingers('touchEnd');
    demand(!(await isAsBefore()), 'one finger draws what is enlarged');
  }

  /** Has the page make the frames itself, and the server again. */
  async engines(name: string): Promise<void> {
    const before = await this.user.picture('pad');
    await this.user.useEngine('wasm', 'onnxruntime-web · wasm');
    await this.untilMoving();
    demand(
      equal(before, await this.user.picture('pad')),
      'the page makes the frames itself, of the same drawing',
    );
    await this.shot(`${name}-wasm`);
    await this.user.useEngine('server', 'onnxruntime-node');
    await this.untilMoving();
    demand(true, 'the server makes them again');
  }

  /** @throws Error where the page has logged an error, or has failed inside */
  async end(): Promise<void> {
    demand(
      this.user.errors.length === 0,
      `nothing failed in the page ${this.user.errors.join('; ')}`.trim(),
    );
    await this.user.page.close();
  }

  /** Rows of a recording's actions, by column. */
  async actionsOf(path: string): Promise<Record<string, number[]>> {
    const [head = '', ...rows] = (await readFile(join(path, 'actions.csv'), 'utf8'))
      .trim()
      .split('\n');
    const columns = head.split(',');
    return Object.fromEntries(
      columns.map((column, at) => [column, rows.map((row) => Number(row.split(',')[at]))]),
    );
  }
}
