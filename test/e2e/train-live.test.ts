import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServerMessage } from '../../src/play/live/messages.js';
import { decodeFromSession } from '../../src/play/live/packets.js';
import { encodeClient } from '../../src/play/live/protocol.js';
import { API, TOKEN_KEY, type LiveAbout } from '../../src/serve/page-api.js';
import type { TrainingMessage } from '../../src/serve/training-messages.js';
import { ask, dial, until } from '../serve/support.js';
import { makeClip } from '../video/make-clip.js';
import { makeWorkFolder, startFrameloom, writePipeline } from './support.js';

const TIMEOUT_MS = 120_000;

let training: ReturnType<typeof startFrameloom> | undefined;
let work: Awaited<ReturnType<typeof makeWorkFolder>>;
beforeAll(async () => {
  work = await makeWorkFolder();
}, TIMEOUT_MS);
afterAll(async () => {
  training?.kill('SIGKILL');
  await work.remove();
});

/** Messages of a WebSocket, those of text as what they are. */
function hear<T extends { type: string }>(call: ReturnType<typeof dial>) {
  const [texts, frames]: [T[], number[]] = [[], []];
  call.socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) return void texts.push(JSON.parse(data.toString()) as T);
    const packet = decodeFromSession(new Uint8Array(data), 1);
    if (packet.kind !== 'frame') return;
    frames.push(packet.number);
    call.socket.send(encodeClient({ type: 'shown', frame: packet.number }));
  });
  const told = <K extends T['type']>(
    type: K,
    fits: (one: Extract<T, { type: K }>) => boolean = () => true,
  ): Promise<Extract<T, { type: K }>> =>
    until(
      () =>
        texts.find(
          (one): one is Extract<T, { type: K }> => one.type === type && fits(one as never),
        ),
      type,
      TIMEOUT_MS,
    );
  return { told, frames };
}

it(
  'a training is shown in a page: who comes before the first snapshot waits for it, and plays on with each newer one',
  async () => {
    const pipeline = await writePipeline(join(work.path, 'shown.yaml'), {
      data: { clips: [await makeClip({ frames: 12 })], condition: 'edges' },
      training: {
        ...{ steps: 100_000, logEverySteps: 2, snapshotEverySteps: 30 },
        ...{ sampleEverySteps: 30, evaluateEverySteps: 30 },
      },
    });
    const run = join(work.path, 'run');
    const shownRun = startFrameloom(['train', pipeline, '--run', run, '--live', '--log-json'], {});
    training = shownRun;
    const address = await until(
      () => /the training is shown at (http\S+?)"/.exec(shownRun.said())?.[1],
      'the address',
      TIMEOUT_MS,
    );
    const url = new URL(address);
    const server = {
      port: Number(url.port),
      token: new URLSearchParams(url.hash.slice(1)).get(TOKEN_KEY)!,
    };
    const player = dial(server, API.session);
    await player.opened;
    const world = hear<ServerMessage>(player);
    player.socket.send(encodeClient({ type: 'hello', protocol: 1 }));
    const watcher = dial(server, API.training);
    await watcher.opened;
    const shown = hear<TrainingMessage>(watcher);

    const about = JSON.parse((await ask(server, API.about)).text) as LiveAbout;
    expect(about).toMatchObject({ training: true, kind: 'run', width: 32, height: 24 });
    // It came before anything was learned, and is neither refused nor left without a word.
    expect((await world.told('warning')).message).toMatch(/no snapshot to play with yet/);

    expect((await shown.told('progress', ({ step }) => step > 0)).state).toBe('training');
    await shown.told('curves', ({ curves }) => curves.some(({ points }) => points.length > 0));
    const first = await shown.told('snapshot');
    const sample = await shown.told('sample');
    expect((await ask(server, sample.path)).headers['content-type']).toBe('image/png');

    const { step } = await world.told('model');
    expect(step).toBeGreaterThanOrEqual(first.step);
    await until(() => world.frames.length > 5, 'frames', TIMEOUT_MS);
    // The same world goes on with weights that were learned since.
    await world.told('model', (model) => model.step > step);
    const before = world.frames.length;
    await until(() => world.frames.length > before + 3, 'more frames', TIMEOUT_MS);

    shownRun.kill('SIGINT');
    expect((await shown.told('progress', ({ state }) => state === 'ended')).ending?.why).toBe(
      'cancelled',
    );
    const { code } = await shownRun.ended;
    expect(code).toBe(130);
    await Promise.all([player.closed, watcher.closed]);
    await expect(ask(server, '/')).rejects.toThrow(/ECONNREFUSED/);
    expect(await readdir(run)).not.toContain('lock');
  },
  TIMEOUT_MS,
);
