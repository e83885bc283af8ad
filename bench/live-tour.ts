/**
 * Everything that one does in the live page of a run, in a real browser, with screenshots: docs/bench.md.
 *
 *   npm run bench -- --only live-tour -- RUN --screenshots DIR
 *
 * It needs a build (`npm run setup`) and a Chromium (FRAMELOOM_CHROMIUM where it is not on PATH). What is drawn and
 * recorded goes into a folder of its own, and is gone afterwards.
 */
import './support/help.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startChromium } from '../test/browser/chromium.js';
import { startLive } from './live/server.js';
import { demand, Tour } from './live/tour.js';
import { say } from './support/files.js';

const { values, positionals } = parseArgs({
  options: { screenshots: { type: 'string' } },
  allowPositionals: true,
});
const [run] = positionals;
if (run === undefined || positionals.length > 1 || values.screenshots === undefined) {
  throw new Error('give one run and --screenshots DIR: runs/demo --screenshots shots');
}
const screenshots = resolve(values.screenshots);
const name = basename(resolve(run)).replace(/\.onnx$/, '');

const folder = await mkdtemp(join(tmpdir(), 'frameloom-tour-'));
const live = await startLive(run, ['--folder', folder]);
const browser = await startChromium();
try {
  say(`# the page of ${run}`);
  const tour = await Tour.begin(browser, { live, folder, screenshots });
  const draws = await tour.user.page.locator('#pad').isVisible();
  const acts = await tour.user.page.locator('.actions').isVisible();
  await tour.shot(`${name}-opened`);
  if (draws) await drawing(tour);
  if (acts) await acting(tour);
  if (!draws && !acts) await tour.records(name, () => Promise.resolve());
  await tour.engines(name);
  await tour.look(name);
  await tour.end();
  await telephone(draws, acts);
  say(`\nscreenshots: ${screenshots}`);
} finally {
  await browser.close();
  await live.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Each tool, layers, the enlargement, files and a recording of it. */
async function drawing(tour: Tour): Promise<void> {
  const { user } = tour;
  const { page } = user;
  await tour.holdStill();
  const [left, middle, right] = [tour.at(0.3, 0.35), tour.at(0.5, 0.35), tour.at(0.7, 0.6)];
  const ink = await tour.chooseInk(middle);
  const tools = {
    'the brush': ['b', left, middle],
    'the line': ['l', tour.at(0.1, 0.9), tour.at(0.5, 0.1)],
    'the rectangle': ['r', tour.at(0.55, 0.5), tour.at(0.8, 0.85)],
    'the ellipse': ['o', tour.at(0.1, 0.55), tour.at(0.35, 0.8)],
    'the fill': ['f', tour.at(0.9, 0.1)],
  } as const;
  for (const [tool, [key, ...places]] of Object.entries(tools)) {
    await tour.paints(tool, async () => {
      await user.press(ink, key);
      await user.drag(...places);
    });
    // What is filled leaves nothing to see of what comes next.
    if (key === 'f') await user.press('Control+z');
  }
  await tour.paints('the eraser', async () => {
    await user.press('e');
    await user.drag(left, middle);
  });
  await tour.paints('what is selected, moved,', async () => {
    await user.press('s');
    await user.drag(tour.at(0.52, 0.46), tour.at(0.83, 0.88));
    await user.drag(right, tour.at(0.6, 0.3));
    await user.press('Enter');
  });
  await tour.paints('a stamp of it', async () => {
    await user.press('s');
    await user.drag(tour.at(0.42, 0.16), tour.at(0.73, 0.58));
    await user.press('Control+c');
    await user.drag(tour.at(0.25, 0.7));
  });
  await user.press('i');
  await user.drag(tour.at(0.9, 0.1));
  demand(
    (await page.locator('[data-tool=pick][aria-pressed=true]').count()) === 0,
    'a colour is picked up',
  );
  await tour.shot(`${name}-painted`);

  const before = await user.picture('pad');
  await user.press('n', ink, 'b');
  await user.drag(tour.at(0.2, 0.2), tour.at(0.8, 0.2));
  await user.settle();
  const painted = await user.picture('pad');
  const [upper = ''] = await tour.layers();
  await page.getByRole('button', { name: `Hide ${upper}` }).click();
  await user.settle();
  const hidden = await user.picture('pad');
  await page.getByRole('button', { name: `Show ${upper}` }).click();
  await user.settle();
  const isLayered =
    Buffer.compare(before, hidden) === 0 &&
    Buffer.compare(painted, await user.picture('pad')) === 0;
  demand(isLayered && Buffer.compare(before, painted) !== 0, 'a layer is added, hidden and shown');

  await user.save('tour');
  const names = await tour.layers();
  await page.getByRole('button', { name: 'Delete the layer' }).click();
  await user.press('Control+Backspace');
  await user.open('tour');
  await user.settle();
  const isOpened = Buffer.compare(painted, await user.picture('pad')) === 0;
  demand(
    isOpened && String(names) === String(await tour.layers()),
    'a drawing is saved and opened with its layers',
  );

  await page.locator('#pad').focus();
  await user.press('+', '+');
  await tour.shot(`${name}-enlarged`);
  await tour.paints('a stroke, enlarged,', async () => {
    await user.press(ink, 'b');
    await user.drag(tour.at(0.45, 0.6), tour.at(0.55, 0.64));
  });
  await user.press('0');
  await tour.letMove();
  await tour.records(name, async () => {
    await user.press(ink, 'f');
    await user.drag(tour.at(0.9, 0.1));
  });
  await tour.holdStill();
}

/** The same page in a browser that has fingers alone. */
async function telephone(draws: boolean, acts: boolean): Promise<void> {
  say('# on a telephone');
  const phone = await startChromium(true);
  try {
    const tour = await Tour.begin(phone, { live, folder, screenshots }, true);
    const size = tour.user.page.locator('.zoom-size');
    if (draws) {
      await tour.holdStill();
      await tour.chooseInk(tour.at(0.4, 0.4));
      await tour.fingers();
      await tour.shot(`${name}-360-enlarged`);
      await size.click();
    }
    if (acts) await tour.holds(() => Promise.resolve());
    await tour.look(name, true);
    await tour.end();
  } finally {
    await phone.close();
  }
}

/** Each action by its button, held by a finger, and a recording of it. */
async function acting(tour: Tour): Promise<void> {
  let names: readonly string[] = [];
  const path = await tour.records(`${name}-actions`, async () => {
    names = await tour.holds(() => tour.shot(`${name}-held`));
  });
  const rows = await tour.actionsOf(path);
  for (const column of names) {
    const told = rows[column]?.filter((value) => value > 0).length ?? 0;
    demand(told > 0, `${column} is told in ${told} frames of the recording`);
  }
}
