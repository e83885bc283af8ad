import { describe, expect, it } from 'vitest';
import { FrameloomError } from '../../src/base/error.js';
import type { LiveFrame, LiveServices, Recorded } from '../../src/play/live/services.js';
import { FakeClock, LABELS, turns } from './fakes.js';
import { clips, labels, live, liveModel, PIXELS } from './live.js';

describe('what plays beneath', () => {
  it('goes on one map a frame and again from its beginning, with what is drawn over it', async () => {
    const maps = clips();
    const { clock, ask, draw, packets, of } = live({}, { clips: maps });
    ask({ type: 'pause' });
    ask({ type: 'base', clip: 0, frame: 4, show: true });
    await turns();
    // The last row is covered by class 2.
    const overlay = new Uint8Array(2 * PIXELS);
    overlay.fill(2, 12, 16);
    overlay.fill(1, PIXELS + 12, 2 * PIXELS);
    draw(overlay, 1, 'overlay');
    ask({ type: 'step', frames: 9 });
    await clock.pass(100);
    const shown = packets.filter(({ kind }) => kind === 'composed');
    const frames = packets.filter(({ kind }) => kind === 'frame');
    const expected = [4, 5, 6, 7, 8, 9, 0, 1, 2].map((at) => at % 3);
    expect(shown.map(({ pixels }) => pixels[0])).toEqual(expected);
    expect(shown.map(({ pixels }) => pixels[15])).toEqual(expected.map(() => 2));
    expect(frames.map(({ pixels }) => pixels[0])).toEqual(expected);
    // In front of the frame.
    expect(packets.map(({ kind }) => kind).slice(0, 4)).toEqual([
      ...['composed', 'frame', 'composed', 'frame'],
    ]);
    expect(shown.map(({ number }) => number)).toEqual(frames.map(({ number }) => number));
    ask({ type: 'base', clip: null });
    expect(of('state').at(-1)!.base).toBeNull();
    ask({ type: 'step' });
    await clock.pass(100);
    expect(packets.at(-1)).toMatchObject({ kind: 'frame' });
    expect(packets.at(-1)!.pixels[0]).toBe(0);
    ask({ type: 'base', clip: 0, frame: 10 });
    expect(of('error')[0]!.message).toBe('street.mp4 has no frame 10: it has 10');
  });

  it('leaves none out where reading is slow, and is given up where it cannot be read', async () => {
    const clock = new FakeClock();
    const slow = clips(clock, 300);
    const { ask, frames, of } = live({ clock }, { clips: slow });
    ask({ type: 'base', clip: 0, frame: 1 });
    await clock.pass(4000);
    const ids = frames().map(({ pixels }) => pixels[0]);
    // Nothing before the first is there; then each one, some for longer.
    expect(ids.slice(0, 7)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    const changes = ids.filter((id, i) => i > 6 && id !== ids[i - 1]);
    expect(changes.length).toBeGreaterThan(15);
    // The last map of the clip and the first are alike.
    const cycle = [1, 2, 0, 1, 2, 0, 1, 2, 0];
    expect(changes).toEqual(changes.map((_, i) => cycle[i % cycle.length]));
    slow.broken = true;
    await clock.pass(4000);
    expect(of('error').map(({ message }) => message)).toEqual(['the clip is gone']);
    expect(of('state').at(-1)!.base).toBeNull();
  });

  it('is sent to a page that asks for it, no faster than it leaves', async () => {
    const maps = clips();
    const { ask, packets, of, session } = live({}, { clips: maps });
    ask({ type: 'clip', clip: 0, first: 7, count: 900 });
    for (let i = 0; i < 5; i += 1) ask({ type: 'clip', clip: 0, first: 0, count: 1 });
    for (let i = 0; i < 10; i += 1) await turns();
    const sent = packets.filter(({ kind }) => kind === 'clip');
    expect(sent.map(({ number, pixels }) => [number, pixels[0]])).toEqual([
      ...[
        [7, 1],
        [8, 2],
        [9, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ]);
    expect(of('error').map(({ message }) => message)).toEqual([
      ...['too many requests of clips wait already', 'too many requests of clips wait already'],
    ]);
    await session.close();
  });

  it('is what a world can begin from', async () => {
    const maps = clips();
    const { ask, frames, clock, draw, of } = live({}, { clips: maps });
    ask({ type: 'pause' });
    ask({ type: 'base', clip: 0 });
    ask({ type: 'start', clip: 0, frame: 5 });
    await turns();
    expect(of('state').at(-1)!.base).toEqual({ clip: 0, frame: 6, show: false });
    ask({ type: 'step' });
    await clock.pass(50);
    // Two real frames, as many as it remembers.
    expect(frames()[0]!.pixels[1]).toBe(201);
    expect(maps.reads).toContainEqual([4, 2]);
    draw(new Uint8Array(48), 1, 'firstPicture');
    ask({ type: 'step' });
    await clock.pass(50);
    expect(frames()[1]!.pixels[1]).toBe(101);
  });
});

describe('actions', () => {
  const layout = { ...LABELS, actions: [{ name: 'jump', kind: 'key', default: 0 }] } as const;

  it('are told by name with the next frame, and recorded with it', async () => {
    const kept: LiveFrame[] = [];
    const record: LiveServices['record'] = () =>
      Promise.resolve({
        add: (frame) => Promise.resolve(void kept.push(frame)),
        end: () => Promise.resolve({ folder: null, frames: kept.length, files: [] }),
      });
    const { clock, ask, frames, of } = live({ layout }, { record });
    expect(of('model')[0]!.layout.actions).toEqual(layout.actions);
    ask({ type: 'pause' });
    ask({ type: 'record', on: true });
    const before = of('state').length;
    for (const jump of [1, 0, 1]) {
      ask({ type: 'actions', values: { jump } });
      ask({ type: 'step' });
      await clock.pass(50);
    }
    expect(frames().map(({ pixels }) => pixels[4])).toEqual([200, 100, 200]);
    expect(kept.map(({ actions }) => actions![0])).toEqual([1, 0, 1]);
    // They change nothing that a state tells.
    expect(of('state')).toHaveLength(before + 3);
    for (let i = 0; i < 30; i += 1) ask({ type: 'actions', values: { fly: 1 } });
    expect(of('error').at(-1)).toMatchObject({ message: 'there is no action "fly"', fatal: false });
  });
});

describe('another size and other weights', () => {
  it('are gone on with between two frames; drawings of the size before are none of it', async () => {
    const released: string[] = [];
    const asked: string[] = [];
    const open = async ({ width, height }: { width: number; height: number }) => {
      asked.push(`${width}x${height}`);
      if (width > 64) throw new FrameloomError('bad-input', 'too large');
      await turns();
      return {
        ...liveModel({ width, height }),
        release: () => {
          released.push(`${width}x${height}`);
          return Promise.resolve();
        },
      };
    };
    const { session, clock, ask, draw, frames, of } = live({}, { open });
    await clock.pass(100);
    // Of several, the first and the newest.
    for (const width of [8, 12, 16, 20]) ask({ type: 'size', width, height: 4 });
    await clock.pass(200);
    for (let i = 0; i < 5; i += 1) await turns();
    expect(asked).toEqual(['8x4', '20x4']);
    expect(of('model').at(-1)).toMatchObject({ width: 20, height: 4, fixed: false });
    expect(frames().at(-1)!.width).toBe(20);
    expect(released).toEqual(['8x4']);
    draw(new Uint8Array(32), 1, 'condition', { width: 8, height: 4 });
    expect(of('error')).toEqual([]);
    draw(labels(1), 2);
    expect(of('error')[0]!.message).toBe('a condition is 4x4, and frames are 20x4');
    ask({ type: 'size', width: 400, height: 4 });
    await clock.pass(100);
    expect(of('error')[1]!.message).toBe('too large');
    ask({ type: 'size', width: 4096, height: 4096 });
    await clock.pass(100);
    expect(of('error')[2]!.message).toBe('frames of 4096x4096 are too large to play');
    expect(asked.at(-1)).toBe('400x4');
    // Newer weights come in the size that is played.
    const number = frames().at(-1)!.pixels[1]!;
    const used = session.use(liveModel({ seed: 5 }));
    await clock.pass(200);
    await used;
    expect(asked.at(-1)).toBe('20x4');
    expect(frames().at(-1)!.pixels[1]).toBeGreaterThan(number);
    // One that comes when the session has ended meanwhile is let go at once.
    const late = session.use(liveModel({}));
    await session.close();
    await late;
    expect(released).toEqual(['8x4', '20x4', '20x4', '20x4']);
  });
});

describe('a picture', () => {
  it('becomes a condition, the newest alone', async () => {
    const made: number[] = [];
    const filter: LiveServices['filter'] = async ({ rgb }) => {
      made.push(rgb[0]!);
      await turns();
      if (rgb[0] === 9) throw new FrameloomError('ffmpeg-failed', 'no filter');
      return labels(rgb[0]!);
    };
    const { clock, draw, packets, frames, of } = live({}, { filter });
    const size = { width: 2, height: 1 };
    [0, 1, 2].forEach((id, i) => draw(new Uint8Array(6).fill(id), i + 1, 'picture', size));
    await clock.pass(100);
    expect(made).toEqual([0, 2]);
    const filtered = packets.filter(({ kind }) => kind === 'filtered');
    expect(filtered.map(({ number, pixels }) => [number, pixels[0]])).toEqual([
      ...[
        [1, 0],
        [3, 2],
      ],
    ]);
    expect([frames().at(-1)!.newest, frames().at(-1)!.pixels[0]]).toEqual([3, 2]);
    draw(new Uint8Array(6).fill(9), 4, 'picture', size);
    await clock.pass(100);
    expect(of('error')[0]).toMatchObject({ code: 'ffmpeg-failed', message: 'no filter' });
  });
});

describe('a recording', () => {
  /** A recorder that takes `ms` for a frame. */
  function recorder(clock: FakeClock, ms = 0, fails = Infinity) {
    const kept: LiveFrame[] = [];
    let ended = 0;
    const record: LiveServices['record'] = () =>
      Promise.resolve({
        async add(frame) {
          if (ms > 0) await new Promise<void>((done) => void clock.after(ms, done));
          if (kept.length + 1 >= fails) throw new FrameloomError('disk-full', 'no room');
          kept.push(frame);
        },
        end(): Promise<Recorded> {
          ended += 1;
          const files = [{ holds: 'video', name: 'frames.mp4', bytes: 9, url: null }] as const;
          return Promise.resolve({ folder: 'recordings/1', frames: kept.length, files });
        },
      });
    return { record, kept, ended: () => ended };
  }

  it('has every frame and what it was made of, though nobody reads them', async () => {
    const clock = new FakeClock();
    const { record, kept } = recorder(clock);
    const { ask, draw, of, page, frames } = live({ clock }, { record });
    page.reads = false;
    ask({ type: 'record', on: true });
    expect(of('state').at(-1)!.recording).toBe(true);
    ask({ type: 'record', on: true });
    expect(of('error').at(-1)!.message).toBe('it is recorded already');
    draw(labels(1), 1);
    await clock.pass(4000);
    draw(labels(2), 2);
    await clock.pass(1000);
    ask({ type: 'record', on: false });
    await clock.pass(10);
    expect(frames()).toHaveLength(2);
    expect(kept.length).toBeGreaterThanOrEqual(124);
    expect(kept.map(({ rgb }) => rgb[1])).toEqual(kept.map((_, i) => (i + 1) % 256));
    expect(kept.every(({ rgb, condition }) => condition![0] === rgb[0])).toBe(true);
    expect(of('recorded')).toMatchObject([{ frames: kept.length, folder: 'recordings/1' }]);
    ask({ type: 'record', on: false });
    expect(of('error').at(-1)!.message).toBe('nothing is recorded');
  });

  it('loses no step that is asked for while a frame is handed over', async () => {
    const clock = new FakeClock();
    const { record } = recorder(clock, 100);
    const { ask, frames } = live({ clock }, { record });
    ask({ type: 'pause' });
    ask({ type: 'record', on: true });
    ask({ type: 'step' });
    await clock.pass(50);
    expect(frames()).toHaveLength(1);
    ask({ type: 'step' });
    await clock.pass(400);
    expect(frames()).toHaveLength(2);
  });

  it('is waited for where it falls behind, frames and steps alike', async () => {
    const clock = new FakeClock();
    const { record, kept } = recorder(clock, 100);
    const { ask, frames, of } = live({ clock }, { record });
    ask({ type: 'record', on: true });
    await clock.pass(5000);
    // Ten a second can be kept, and 25 made.
    expect(frames().length).toBeLessThan(62);
    expect(frames().length - kept.length).toBeLessThanOrEqual(9);
    ask({ type: 'pause' });
    const before = frames().length;
    ask({ type: 'step', frames: 20 });
    await clock.pass(1000);
    expect(frames().length - before).toBeLessThanOrEqual(12);
    await clock.pass(3000);
    ask({ type: 'record', on: false });
    await clock.pass(1000);
    expect(of('recorded')[0]!.frames).toBe(frames().length);
    expect(frames().length - before).toBe(20);
  });

  it('is ended with the session, and told of where it cannot go on', async () => {
    const clock = new FakeClock();
    const first = recorder(clock);
    const one = live({ clock }, { record: first.record });
    one.ask({ type: 'record', on: true });
    await clock.pass(200);
    await one.session.close();
    expect([first.ended(), first.kept.length > 3]).toEqual([1, true]);
    const second = recorder(clock, 0, 3);
    const two = live({ clock }, { record: second.record });
    two.ask({ type: 'record', on: true });
    await clock.pass(1000);
    expect(two.of('error')).toMatchObject([{ code: 'disk-full', message: 'no room' }]);
    expect(two.of('state').at(-1)).toMatchObject({ recording: false, playing: true });
    // So that its files are let go.
    expect(second.ended()).toBe(1);
    expect(two.frames().length).toBeGreaterThan(20);
    const refused = live(
      { clock },
      { record: () => Promise.reject(new FrameloomError('not-found', 'no ffmpeg')) },
    );
    refused.ask({ type: 'record', on: true });
    await clock.pass(1000);
    expect(refused.of('error')).toMatchObject([{ code: 'not-found' }]);
    expect(refused.of('state').at(-1)!.recording).toBe(false);
  });
});
