import type { BrowserContext, CDPSession, Page } from 'playwright-core';

/** A pixel of the drawing. */
export type Place = readonly [x: number, y: number];

/** RGB of a picture's pixel. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What somebody does in the live page by mouse, fingers and keys, and what is seen of it. */
export class LivePage {
  readonly page: Page;
  /** What went wrong inside the page, or was logged as an error. */
  readonly errors: string[] = [];
  #session: CDPSession | null = null;

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  static async open(
    browser: BrowserContext,
    url: string,
    window: { readonly width: number; readonly height: number },
  ): Promise<LivePage> {
    const live = new LivePage(await browser.newPage());
    await live.page.setViewportSize(window);
    await live.page.goto(url);
    return live;
  }

  /** Waits until what is drawn now is on the screen. */
  async settle(): Promise<void> {
    await this.page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Pixels of the drawing, however large it is shown. */
  async size(): Promise<{ width: number; height: number }> {
    return this.page.evaluate(
      `(({ width, height }) => ({ width, height }))(document.querySelector('#pad'))`,
    );
  }

  /** The middle of a pixel of the drawing, in the window. */
  async at(...places: readonly Place[]): Promise<{ x: number; y: number }[]> {
    const box = (await this.page.locator('#pad').boundingBox())!;
    const { width, height } = await this.size();
    return places.map(([x, y]) => ({
      x: box.x + ((x + 0.5) / width) * box.width,
      y: box.y + ((y + 0.5) / height) * box.height,
    }));
  }

  /** Drags over the drawing from pixel to pixel; of one pixel it is a click. */
  async drag(...places: readonly Place[]): Promise<void> {
    const { mouse } = this.page;
    const [first, ...rest] = await this.at(...places);
    await mouse.move(first!.x, first!.y);
    await mouse.down();
    for (const { x, y } of rest) await mouse.move(x, y, { steps: 3 });
    await mouse.up();
  }

  /** Fingers that come down, move or go up at points of the window: all that are down then. */
  async fingers(
    type: 'touchStart' | 'touchMove' | 'touchEnd',
    ...points: readonly { readonly x: number; readonly y: number }[]
  ): Promise<void> {
    const touchPoints = points.map(({ x, y }, id) => ({ x, y, id }));
    await (await this.#devtools()).send('Input.dispatchTouchEvent', { type, touchPoints });
  }

  async #devtools(): Promise<CDPSession> {
    return (this.#session ??= await this.page.context().newCDPSession(this.page));
  }

  /** Colours of the drawing as it is seen, at places of it. */
  async seen(...places: readonly Place[]): Promise<Colour[]> {
    await this.settle();
    return this.page.evaluate<Colour[]>(
      `${JSON.stringify(places)}.map(([x, y]) => [...document.querySelector('#pad').getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3))`,
    );
  }

  /** rgb24 of one of the two pictures, in its own pixels. */
  async picture(of: 'pad' | 'world'): Promise<Uint8Array> {
    const text = await this.page.evaluate<string>(
      `((canvas) => { const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); return Array.from(data.filter((_, at) => at % 4 !== 3), (byte) => String.fromCharCode(byte)).join(''); })(document.querySelector('#${of}'))`,
    );
    return Uint8Array.from(Buffer.from(text, 'latin1'));
  }

  /** Frames a second as the page says them. */
  async shownFps(): Promise<number> {
    return Number.parseFloat((await this.page.locator('.figure').first().textContent()) ?? '');
  }

  /** Saves what is drawn, by a name of its own. */
  async save(name: string): Promise<void> {
    await this.page.getByLabel('Name of the drawing').fill(name);
    await this.page.getByRole('button', { name: 'Save the drawing' }).click();
    await this.page.getByText(`Saved as ${name}.`).waitFor();
    await this.page.locator('#pad').focus();
  }

  /** Opens a drawing that was saved. */
  async open(name: string): Promise<void> {
    await this.press('Control+o');
    const dialog = this.page.getByRole('dialog', { name: 'Drawings' });
    await dialog.getByRole('button', { name, exact: true }).click();
    const told = this.page.locator('.unseen', { hasText: `Opened ${name}.png` });
    await told.waitFor({ state: 'attached' });
  }

  /** Records for so many seconds, as the page counts them. @returns the dialog that says what was recorded, and its frames */
  async record(seconds: number) {
    await this.press('c');
    await this.page.locator('.elapsed', { hasText: `0:0${seconds}` }).waitFor();
    await this.press('c');
    const dialog = this.page.getByRole('dialog', { name: 'Recorded' });
    await dialog.waitFor();
    return { dialog, frames: Number.parseInt((await dialog.locator('p').textContent())!, 10) };
  }

  /** Where the recording that is played back is, seconds. */
  async playedSeconds(): Promise<number> {
    return this.page.evaluate("document.querySelector('.recorded video').currentTime");
  }

  /** Has another engine make the frames. @param device what the page then says of it */
  async useEngine(name: string, device: string): Promise<void> {
    await this.page.getByLabel('Engine').selectOption(name);
    await this.page.locator('.device', { hasText: device }).waitFor();
  }
}
