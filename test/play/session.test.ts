import { describe, expect, it } from 'vitest';
import { live, labels } from './live.js';

describe('a live session', () => {
  it('says what it plays, and plays once the page has said hello', async () => {
    const { session, clock, ask, texts, frames, of } = live({}, {}, { hello: false });
    await clock.pass(1000);
    expect([texts, frames()]).toEqual([[], []]);
    ask({ type: 'play' });
    expect(of('error')[0]).toMatchObject({ code: 'bad-call', fatal: false });
    ask({ type: 'hello', protocol: 1 });
    expect(of('model')[0]).toMatchObject({
      ...{ name: 'street', step: 7, width: 4, height: 4, fixed: true, input: 'maps', noise: true },
      layout: { classNames: ['sky', 'road', 'car'] },
      engine: { name: 'onnxruntime-node', device: 'cpu', threads: 2 },
      can: { record: false, filter: false },
    });
    expect(of('state')[0]).toEqual({
      ...{ type: 'state', playing: true, fps: 25, speed: 1, seed: 1 },
      ...{ style: null, base: null, recording: false },
    });
    await clock.pass(2000);
    expect(frames().length).toBeGreaterThanOrEqual(49);
    const [figures] = of('figures').slice(-1);
    expect(figures).toMatchObject({ dropped: 0, unsent: 0, p95Ms: 1, conditionP95Ms: null });
    expect(figures!.fps).toBeCloseTo(25, 0);
    await session.close();
    const before = frames().length;
    await clock.pass(1000);
    expect([frames().length, clock.waiting]).toEqual([before, 0]);
  });

  it('makes frames of what was drawn last, and says which that was', async () => {
    const { clock, draw, frames, of } = live();
    await clock.pass(100);
    [0, 1, 2, 1, 2].forEach((id, i) => draw(labels(id), i + 1));
    await clock.pass(100);
    const last = frames().at(-1)!;
    expect([last.newest, last.pixels[0], last.ms]).toEqual([5, 2, 1]);
    // The first of them is not waited with, and of those behind it only the last one counts.
    expect(new Set(frames().map(({ newest }) => newest))).toEqual(new Set([0, 1, 5]));
    await clock.pass(500);
    expect(of('figures').at(-1)!.conditionP95Ms).toBeLessThanOrEqual(61);
  });

  it('answers what is drawn at once, and not with its next step', async () => {
    const { clock, draw, frames, of } = live();
    for (let i = 1; i <= 20; i += 1) {
      await clock.pass(217);
      draw(labels(i % 3), i);
      await clock.pass(2);
      expect(frames().at(-1)).toMatchObject({ newest: i });
    }
    await clock.pass(500);
    expect(of('figures').at(-1)!.conditionP95Ms).toBe(1);
  });

  it('pauses, steps, resets, reseeds, goes faster, and says how things stand', async () => {
    const { clock, ask, frames, of } = live();
    ask({ type: 'pause' });
    await clock.pass(1000);
    expect(frames()).toEqual([]);
    ask({ type: 'step', frames: 3 });
    await clock.pass(1000);
    expect(frames().map(({ pixels }) => pixels[1])).toEqual([1, 2, 3]);
    ask({ type: 'reset', seed: 9 });
    ask({ type: 'step' });
    await clock.pass(100);
    ask({ type: 'seed', seed: 4 });
    ask({ type: 'step' });
    await clock.pass(100);
    const [reset, reseeded] = frames().slice(-2);
    expect([...reset!.pixels.subarray(1, 3)]).toEqual([1, 9]);
    expect([...reseeded!.pixels.subarray(1, 3)]).toEqual([2, 4]);
    ask({ type: 'fps', fps: 50 });
    ask({ type: 'speed', speed: 2 });
    ask({ type: 'play' });
    expect(of('state').at(-1)).toMatchObject({ playing: true, fps: 50, speed: 2, seed: 4 });
    const before = frames().length;
    await clock.pass(1000);
    expect(frames().length - before).toBeGreaterThanOrEqual(99);
    expect(of('error')).toEqual([]);
  });

  it('takes looks by name and by numbers', async () => {
    const styles = [{ clip: 'dusk.mp4', code: [1], deviation: [0] }];
    const { clock, ask, frames, of } = live({ styles });
    const level = async (): Promise<number> => {
      await clock.pass(100);
      return frames().at(-1)!.pixels[3]!;
    };
    expect(await level()).toBe(63);
    ask({ type: 'style', style: 'dusk' });
    expect(await level()).toBe(255);
    ask({ type: 'style', style: [0] });
    expect([await level(), of('state').at(-1)!.style]).toEqual([0, [0]]);
    ask({ type: 'style', style: null });
    expect(await level()).toBe(255);
    ask({ type: 'style', style: 'noon' });
    ask({ type: 'style', style: [0, 0] });
    expect(of('error').map(({ message }) => message)).toEqual([
      'there is no look "noon"',
      'this generator is told a look by 1 numbers, and was given 2',
    ]);
    // A step of a look is a frame like any other.
    const numbers = frames().map(({ pixels }) => pixels[1]);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('tells what it cannot do, and goes on', async () => {
    const { clock, session, ask, draw, frames, of } = live();
    const size = { width: 8, height: 8 };
    ask({ type: 'record', on: true });
    ask({ type: 'size', ...size });
    ask({ type: 'actions', values: { left: 1 } });
    ask({ type: 'base', clip: 0 });
    ask({ type: 'clip', clip: 0, first: 0, count: 1 });
    draw(new Uint8Array(192), 1, 'picture', size);
    draw(new Uint8Array(64), 2, 'condition', size);
    draw(labels(3), 3);
    session.receive('{"type":"step","frames":"many"}');
    session.receive(new Uint8Array(5));
    expect(of('error').map(({ message }) => message)).toEqual([
      'this session cannot record',
      'this session cannot play another size',
      'this generator is told no actions',
      'there is no clip 0',
      'there is no clip 0',
      'this session cannot make conditions of pictures',
      'a condition is 8x8, and frames are 4x4',
      'label id 3 (first at byte 0) is none of the 3 classes',
      'a message between page and session is a step whose frames cannot be "many"',
      'a binary message has 5 bytes, fewer than its header',
    ]);
    await clock.pass(1000);
    expect(frames().length).toBeGreaterThanOrEqual(24);
    expect(frames().every(({ newest }) => newest === 0)).toBe(true);
  });

  it('ends where nothing that the page sends makes sense, or it speaks otherwise', async () => {
    const { session, clock, of, frames } = live();
    for (let i = 0; i < 100; i += 1) session.receive('nonsense');
    expect(of('error')).toHaveLength(21);
    expect(of('error').at(-1)).toMatchObject({ fatal: true, hint: 'reload the page' });
    await session.ended;
    await clock.pass(500);
    expect(frames()).toEqual([]);
    const other = live({}, {}, { hello: false });
    other.ask({ type: 'hello', protocol: 2 });
    expect(other.of('error').at(-1)).toMatchObject({
      message: 'the page speaks protocol 2, and this is 1',
      fatal: true,
    });
    await other.session.ended;
  });

  it('pauses where a frame cannot be made, and can be begun anew', async () => {
    const { clock, ask, of, frames } = live({ fails: 3 });
    await clock.pass(1000);
    expect(of('error')).toMatchObject([{ code: 'diverged', fatal: false }]);
    expect([frames().length, of('state').at(-1)!.playing]).toEqual([2, false]);
    ask({ type: 'reset' });
    ask({ type: 'play' });
    await clock.pass(1000);
    expect(frames().length).toBeGreaterThan(20);
  });
});

describe('a page that does not read', () => {
  it('is sent two frames, and after two seconds none is made for it', async () => {
    const { clock, ask, page, frames, told, of } = live({}, {}, { reads: false });
    await clock.pass(2000);
    const [opened] = [page.bytes];
    expect(frames()).toHaveLength(2);
    await clock.pass(3_600_000);
    // A few figures until it counted as gone.
    expect(page.bytes - opened).toBeLessThan(1000);
    expect(frames()).toHaveLength(2);
    // It comes back: the newest that was made is sent at once, and the world goes on from there.
    page.reads = true;
    ask({ type: 'shown', frame: 2 });
    expect(frames()[2]!.number).toBeGreaterThan(45);
    expect(frames()[2]!.number).toBeLessThan(60);
    const before = frames().length;
    await clock.pass(1000);
    expect(frames().length - before).toBeGreaterThanOrEqual(24);
    expect(of('figures').at(-1)!.unsent).toBeGreaterThan(40);
    expect(told.ms).toBe(1);
  });

  it('is shown the last frame where the world stands still', async () => {
    const { clock, ask, frames } = live({}, {}, { reads: false });
    ask({ type: 'pause' });
    ask({ type: 'step', frames: 9 });
    await clock.pass(100);
    expect(frames().map(({ number }) => number)).toEqual([1, 2]);
    ask({ type: 'shown', frame: 1 });
    expect(frames().map(({ number }) => number)).toEqual([1, 2, 9]);
    // Of frames that were never sent nothing is believed.
    ask({ type: 'shown', frame: 0 });
    expect(frames()).toHaveLength(3);
  });
});
