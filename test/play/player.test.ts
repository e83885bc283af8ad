import { describe, expect, it } from 'vitest';
import type { PlayedFrame } from '../../src/play/player-types.js';
import { failure } from '../video/frames.js';
import { fakeModel, LABELS, turns } from './fakes.js';
import { labels, play } from './playing.js';

const says = (frames: readonly PlayedFrame[]) => frames.map(({ rgb }) => [...rgb.subarray(0, 3)]);

describe('the steps of a player', () => {
  it('are fixed: as many a second as were asked for, however long a frame takes below that', async () => {
    const { clock, player, frames } = play({ ms: 13 }, { fps: 25 });
    await clock.pass(10_000);
    expect(frames.length).toBeGreaterThanOrEqual(249);
    expect(frames.length).toBeLessThanOrEqual(251);
    const { fps, dropped, latency } = player.figures;
    expect(fps).toBeCloseTo(25, 1);
    expect([dropped, latency.p95Ms, latency.frames]).toEqual([0, 13, frames.length]);
    expect(frames.map(({ number }) => number)).toEqual(frames.map((_, i) => i + 1));
  });

  it('are dropped where a frame takes longer, and never made up for', async () => {
    const { clock, player, frames, told } = play({ ms: 100 }, { fps: 25 });
    await clock.pass(4000);
    // A frame begins as soon as the one before is made: 10 a second, and 15 of 25 steps are gone.
    expect(frames.length).toBeGreaterThanOrEqual(38);
    expect(player.figures.dropped).toBeGreaterThanOrEqual(58);
    told.ms = 1;
    const before = frames.length;
    await clock.pass(1000);
    // Not the missed ones at once.
    expect(frames.length - before).toBeLessThanOrEqual(27);
    expect(frames.length - before).toBeGreaterThanOrEqual(25);
  });

  it('go slower and faster', async () => {
    const { clock, player, frames } = play({}, { fps: 10, speed: 0.5 });
    await clock.pass(2000);
    expect(frames.length).toBeLessThanOrEqual(11);
    player.setPace({ speed: 4 });
    const before = frames.length;
    await clock.pass(1000);
    expect(frames.length - before).toBeGreaterThanOrEqual(39);
    player.setPace({ fps: 5 });
    expect([player.fps, player.speed]).toEqual([5, 4]);
    expect(() => player.setPace({ fps: 0 })).toThrow('fps cannot be 0');
  });

  it('go on when nothing is drawn, and take the newest condition when something is', async () => {
    const { clock, player, frames } = play({ ms: 30 }, { fps: 25 });
    await clock.pass(100);
    expect(frames.every(({ rgb, newest }) => rgb[0] === 0 && newest === 0)).toBe(true);
    // Three within a frame: two of them are never made.
    const numbers = [1, 2, 0, 1].map((id) => player.setCondition(labels(id)));
    player.setCondition(labels(2));
    expect(numbers).toEqual([1, 2, 3, 4]);
    const before = frames.length;
    await clock.pass(200);
    const after = frames.slice(before).map(({ newest, rgb }) => [newest, rgb[0]]);
    expect(after[0]).toEqual([0, 0]);
    expect(after.slice(1).every(([newest, id]) => newest === 5 && id === 2)).toBe(true);
    // Told once, for the frame that came of it first.
    expect(player.figures.condition.frames).toBe(1);
    expect(player.figures.condition.maxMs).toBeGreaterThanOrEqual(30);
    expect(player.figures.condition.maxMs).toBeLessThanOrEqual(80);
  });

  it('are the same frames as without a player', async () => {
    const { player } = play({}, { paused: true });
    const synthesizer = fakeModel().open();
    for (const id of [0, 2, 1]) {
      player.setCondition(labels(id));
      const { rgb } = await player.step();
      expect(rgb).toEqual(await synthesizer.next(labels(id)));
    }
  });
});

describe('a player', () => {
  it('keeps what it was given, not where it lies', async () => {
    const { player } = play({}, { paused: true });
    const mine = labels(1);
    player.setCondition(mine);
    mine.fill(2);
    expect((await player.step()).rgb[0]).toBe(1);
  });

  it('pauses, steps, plays on', async () => {
    const { clock, player, frames } = play({ ms: 5 }, { fps: 20, paused: true });
    await clock.pass(1000);
    expect(frames).toEqual([]);
    const stepped = player.step(3);
    await clock.pass(100);
    expect((await stepped).number).toBe(3);
    await clock.pass(1000);
    expect([frames.length, player.playing]).toEqual([3, false]);
    player.play();
    await clock.pass(500);
    expect(frames.length).toBeGreaterThan(10);
    expect(player.figures.dropped).toBe(0);
    const cut = player.step(50);
    await clock.pass(12);
    player.play();
    await clock.pass(12);
    await expect(cut).rejects.toMatchObject({ code: 'cancelled' });
    await expect(player.step(0)).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('resets, reseeds and starts between two frames, the last of several alone', async () => {
    const { player, frames } = play({}, { paused: true, seed: 7 });
    await player.step(2);
    player.reseed(8);
    await player.step();
    player.reset();
    await player.step();
    player.start([new Uint8Array(48)], [labels(0)]);
    player.reset(9);
    await player.step();
    player.reset();
    player.start([new Uint8Array(48), new Uint8Array(48)], null);
    await player.step();
    expect(says(frames)).toEqual([
      ...[
        [0, 1, 7],
        [0, 2, 7],
        [0, 3, 8],
        [0, 1, 8],
      ],
      ...[
        [0, 1, 9],
        [0, 201, 9],
      ],
    ]);
    expect(player.seed).toBe(9);
    expect(() => player.reseed(0.5)).toThrow('0.5 is no seed');
    expect(() => player.start([], null)).toThrow('no frames to start from');
    expect(() => player.start([new Uint8Array(3)], null)).toThrow('has 3 bytes, expected 48');
  });

  it('refuses a condition at once, where it is set', () => {
    const { player } = play({}, { paused: true });
    expect(() => player.setCondition(new Uint8Array(3))).toThrow('has 3 bytes, expected 16');
    expect(() => player.setCondition(labels(3))).toThrow('none of the 3 classes');
    expect(() => player.setCondition(null)).toThrow('needs a condition');
    const none = {
      ...LABELS,
      kind: 'none',
      content: 'none',
      channels: 0,
      bytesPerPixel: 0,
    } as const;
    const free = play({ layout: none }, { paused: true }).player;
    expect(() => free.setCondition(labels(0))).toThrow('takes no condition');
    expect(free.setCondition(null)).toBe(1);
  });

  it('draws what is of no class where nothing is drawn', async () => {
    const { player } = play({ layout: { ...LABELS, ignoredId: 255 } }, { paused: true });
    expect((await player.step()).condition).toEqual(labels(255));
  });

  it('takes another look, other weights and another size between frames', async () => {
    const { player, model, clock, frames, told } = play({ ms: 20 }, { fps: 25 });
    await clock.pass(100);
    player.setCondition(labels(1));
    player.setStyle(Float32Array.of(1));
    const newer = fakeModel({ ...told, seed: 3 });
    const swapped = player.use(newer);
    await clock.pass(100);
    await swapped;
    // The history goes along.
    const numbers = frames.map(({ rgb }) => rgb[1]);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    expect([model.opened(), newer.opened()]).toEqual([0, 1]);
    const larger = fakeModel({ ...told, width: 8 });
    const enlarged = player.use(larger);
    // From here on, though a frame of the old size is being made.
    expect([player.width, player.height]).toEqual([8, 4]);
    player.setCondition(new Uint8Array(32).fill(2));
    await clock.pass(100);
    await enlarged;
    const last = frames.at(-1)!;
    expect([last.width, last.rgb.length, last.rgb[0]]).toEqual([8, 96, 2]);
    const sizes = frames.map(({ width, rgb }) => rgb.length / width);
    expect(new Set(sizes)).toEqual(new Set([12]));
    expect([newer.opened(), larger.opened()]).toEqual([0, 1]);
    await player.stop();
    expect(larger.opened()).toBe(0);
  });

  it('lets go of what was opened and never played', async () => {
    const { player, model, told } = play({}, { paused: true });
    for (let i = 0; i < 5; i += 1) player.setStyle(Float32Array.of(i / 5));
    const [a, b] = [fakeModel(told), fakeModel(told)];
    const both = [player.use(a), player.use(b)];
    await Promise.all(both);
    expect([model.opened(), a.opened(), b.opened()]).toEqual([0, 0, 1]);
    player.setStyle(Float32Array.of(0.25));
    await player.stop();
    expect(b.opened()).toBe(0);
  });

  it('has another number of what goes on by the frame at each frame', async () => {
    let at = 0;
    const { player, frames } = play(
      {},
      { paused: true, beforeFrame: () => player.setCondition(labels((at += 1) % 3)) },
    );
    await player.step(4);
    expect(frames.map(({ rgb }) => rgb[0])).toEqual([1, 2, 0, 1]);
  });
});

describe('what is done', () => {
  const actions = [
    { name: 'jump', kind: 'key', default: 0 },
    { name: 'steer', kind: 'axis', default: 0.5 },
  ] as const;
  const told = (frame: PlayedFrame) => [...frame.rgb.subarray(4, 7)];

  it('is told by name or in order, and nothing until then', async () => {
    const { player } = play({ layout: { ...LABELS, actions } }, { paused: true });
    expect(told(await player.step())).toEqual([100, 150, 200]);
    player.setActions({ steer: -1 });
    const frame = await player.step();
    expect([told(frame), [...frame.actions!]]).toEqual([
      [100, 0, 200],
      [0, -1],
    ]);
    player.setActions([1, 0]);
    expect(told(await player.step())).toEqual([200, 100, 200]);
    player.setActions(null);
    const unknown = await player.step();
    expect([told(unknown), unknown.actions]).toEqual([[100, 100, 100], null]);
    expect(() => player.setActions({ fire: 1 })).toThrow('there is no action "fire"');
    expect(() => player.setActions({ jump: 0.5 })).toThrow('a key is 0 or 1');
    expect(() => play({}, { paused: true }).player.setActions({ jump: 1 })).toThrow('no actions');
  });

  it('has each tap of a key in one frame, and lets go at once', async () => {
    const { player } = play({ layout: { ...LABELS, actions } }, { paused: true });
    const jumps = async (): Promise<number> => (await player.step()).actions![0]!;
    player.setActions({ jump: 1 });
    player.setActions({ jump: 0 });
    expect([await jumps(), await jumps()]).toEqual([1, 0]);
    player.setActions({ jump: 1 });
    expect([await jumps(), await jumps()]).toEqual([1, 1]);
    player.setActions({ jump: 0, steer: 1 });
    expect(await jumps()).toBe(0);
  });

  it('is told of real frames too, and stays where other weights come', async () => {
    const fake = { layout: { ...LABELS, actions } };
    const { player } = play(fake, { paused: true });
    player.setActions({ jump: 1 });
    player.start([new Uint8Array(48)], null, [{ jump: 1 }]);
    await player.use(fakeModel(fake));
    expect(told(await player.step())[0]).toBe(200);
    expect(() => player.start([new Uint8Array(48)], null, [{ jump: 3 }])).toThrow('jump is 3');
    await player.use(fakeModel());
    expect((await player.step()).actions).toBeNull();
  });
});

describe('the end of a player', () => {
  it('comes by its signal, in order', async () => {
    const stop = new AbortController();
    const { clock, player, model, frames } = play({ ms: 20 }, { signal: stop.signal });
    await clock.pass(50);
    const before = frames.length;
    stop.abort();
    let ended = false;
    void player.ended.then(() => (ended = true));
    await turns();
    // A frame is being made, and is made to its end.
    expect(ended).toBe(false);
    await clock.pass(1000);
    await player.ended;
    expect([frames.length, model.opened(), clock.waiting]).toEqual([before, 0, 0]);
    expect(() => player.setCondition(labels(0))).toThrow('was stopped');
    await expect(player.step()).rejects.toMatchObject({ code: 'bad-call' });
    await player.stop();
    const early = play({}, { signal: AbortSignal.abort() });
    await early.player.ended;
    await early.clock.pass(500);
    expect(early.frames).toEqual([]);
  });

  it('is told where a frame cannot be made, and the world can be begun anew', async () => {
    const errors: unknown[] = [];
    const { clock, player, frames } = play(
      { fails: 3, ms: 1 },
      { onError: (error) => void errors.push(error) },
    );
    await clock.pass(1000);
    expect(errors).toMatchObject([{ code: 'diverged' }]);
    expect([frames.length, player.playing]).toEqual([2, false]);
    player.reset();
    player.play();
    await clock.pass(100);
    expect(frames[2]!.rgb[1]).toBe(1);
  });

  it('is an error where nobody is told', async () => {
    const { clock, player, model } = play({ fails: 2, ms: 1 });
    const ended = failure(player.ended);
    await clock.pass(200);
    expect(await ended).toMatchObject({ code: 'diverged' });
    expect([model.opened(), clock.waiting]).toEqual([0, 0]);
    await expect(play({ fails: 1 }, { paused: true }).player.step()).rejects.toMatchObject({
      code: 'diverged',
    });
  });
});

describe("a game's own loop", () => {
  it('begins what is due and gets the newest frame, once, without waiting', async () => {
    const { clock, player, frames } = play({ ms: 10 }, { fps: 30, timer: false });
    const got: number[] = [];
    // A display of 60 Hz, which is not exact.
    for (let turn = 0; turn < 120; turn += 1) {
      const frame = player.advance(turn * (1000 / 60) + ((turn * 7) % 5) / 10);
      if (frame) got.push(frame.number);
      await clock.pass(1000 / 60);
    }
    expect(got).toEqual(got.map((_, i) => i + 1));
    expect(got.length).toBeGreaterThanOrEqual(59);
    expect(frames.length).toBeLessThanOrEqual(61);
    expect(player.figures.dropped).toBe(0);
    expect(clock.waiting).toBe(0);
  });

  it("makes one frame a turn at the display's own rate", async () => {
    const { clock, player, frames } = play({ ms: 3 }, { fps: 60, timer: false });
    for (let turn = 0; turn < 300; turn += 1) {
      player.advance(turn * (1000 / 60) + ((turn * 3) % 4) / 4 - 0.4);
      await clock.pass(1000 / 60);
    }
    expect(frames.length).toBeGreaterThanOrEqual(299);
    expect(player.figures.dropped).toBeLessThanOrEqual(1);
  });

  it('goes by the time it is given, and pauses', async () => {
    const { clock, player, frames } = play({ ms: 1 }, { fps: 10, timer: false });
    for (let turn = 0; turn < 50; turn += 1) {
      player.advance(5);
      await clock.pass(20);
    }
    expect(frames).toHaveLength(1);
    player.pause();
    player.advance(5000);
    await clock.pass(10);
    expect(frames).toHaveLength(1);
    player.play();
    player.advance(9000);
    await clock.pass(10);
    expect([frames.length, player.figures.dropped]).toEqual([2, 0]);
    // Five steps late: one frame.
    player.advance(9600);
    await clock.pass(10);
    expect([frames.length, player.figures.dropped]).toEqual([3, 5]);
  });

  it('throws what a frame failed with at the next turn, and a turn with a timer', async () => {
    const { clock, player } = play({ fails: 1 }, { timer: false });
    expect(player.advance(0)).toBeNull();
    await clock.pass(1);
    expect(() => player.advance(50)).toThrow('the frame holds NaN');
    expect(player.playing).toBe(false);
    expect(() => play({}).player.advance(0)).toThrow('has a timer of its own');
  });
});

it('keeps nothing that grows: what is asked of it between two frames is done once', async () => {
  const { clock, player, model } = play({ ms: 1 }, { fps: 240, timer: false });
  for (let turn = 0; turn < 5000; turn += 1) {
    player.setCondition(labels(turn % 3));
    player.reset();
    player.reseed(turn);
    player.setStyle(Float32Array.of(0));
    player.advance(turn * 5);
    if (turn % 2 === 0) await clock.pass(5);
  }
  // One that plays and one that comes next.
  expect(model.opened()).toBeLessThanOrEqual(2);
  expect(clock.waiting).toBeLessThanOrEqual(1);
});
