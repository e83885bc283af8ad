import { describe, expect, it } from 'vitest';
import { encodePacket } from '../../src/play/live/packets.js';
import { SessionClient, type SessionEvents } from '../../web/src/session/client.js';
import { arrange } from '../../web/src/ui/arrange.js';
import { painterOf, readPicture, rgbaToRgb, rgbToRgba } from '../../web/src/draw/picture.js';
import { scaled } from '../../web/src/draw/scale.js';
import { createRaster } from '../../web/src/draw/raster.js';
import { FakeTransport } from './fake-transport.js';

function connect() {
  const told: [keyof SessionEvents, unknown][] = [];
  const events = Object.fromEntries(
    (
      [
        'model',
        'state',
        'figures',
        'frame',
        'condition',
        'recorded',
        'problem',
        'warning',
        'transport',
      ] as const
    ).map((name) => [name, (value: unknown) => told.push([name, value])]),
  ) as unknown as SessionEvents;
  const transport = new FakeTransport();
  const client = new SessionClient(transport, events);
  return { told, transport, client, names: () => told.map(([name]) => name) };
}

describe('a session as the page sees it', () => {
  it('says hello first, and tells what it is told', () => {
    const { told, transport, client, names } = connect();
    expect(transport.texts()).toEqual([{ type: 'hello', protocol: 1 }]);
    transport.become({ kind: 'open' });
    transport.say({ type: 'model', layout: { bytesPerPixel: 1 } });
    transport.say({ type: 'state', playing: true });
    const pixels = new Uint8Array(24).fill(7);
    transport.say(encodePacket({ kind: 'frame', width: 4, height: 2, number: 3, pixels }));
    transport.say(
      encodePacket({ kind: 'composed', width: 4, height: 2, pixels: pixels.subarray(0, 8) }),
    );
    transport.say({ type: 'error', code: 'bad-input', message: 'no', hint: null, fatal: false });
    transport.say({ type: 'warning', message: 'slow' });
    expect(names()).toEqual([
      'transport',
      'transport',
      'model',
      'state',
      'frame',
      'condition',
      'problem',
      'warning',
    ]);
    expect(told[4]![1]).toMatchObject({ kind: 'frame', number: 3, width: 4, height: 2 });
    expect(client.state?.playing).toBe(true);
  });

  it('numbers what it sends, and waits while it has not left', () => {
    const { transport, client } = connect();
    transport.sent.length = 0;
    expect(client.isFree).toBe(true);
    expect(client.sendPixels('condition', 4, 2, new Uint8Array(8))).toBe(1);
    expect(client.sendPixels('condition', 4, 2, new Uint8Array(8))).toBe(2);
    expect(transport.sent.map((message) => message.length)).toEqual([28, 28]);
    transport.waitingBytes = 28;
    expect(client.isFree).toBe(false);
  });

  it('tells what it cannot understand, and nothing once it is closed', () => {
    const { told, transport, client } = connect();
    transport.say({ type: 'weather' });
    transport.say(Uint8Array.of(1, 2, 3));
    expect(told.slice(1)).toMatchObject([
      ['problem', { fatal: false }],
      ['problem', { message: 'a binary message has 3 bytes, fewer than its header' }],
    ]);
    client.close();
    transport.say({ type: 'warning', message: 'late' });
    expect(told).toHaveLength(3);
  });
});

describe('pictures on the stage', () => {
  const picture = { width: 128, height: 72 };

  it('lie where they are largest, in whole pixels where that costs little', () => {
    expect(arrange({ width: 1000, height: 250 }, picture, 2, 16, 28, 1)).toEqual({
      direction: 'row',
      width: 3 * 128,
      height: 3 * 72,
    });
    expect(arrange({ width: 960, height: 680 }, picture, 2, 16, 28, 1)).toEqual({
      direction: 'column',
      width: 4 * 128,
      height: 4 * 72,
    });
    expect(arrange({ width: 336, height: 900 }, picture, 1, 16, 28, 2).width).toBe(320);
    // Of 1.9 pixels one is too little.
    expect(arrange({ width: 243.2, height: 900 }, picture, 1, 0, 0, 1).width).toBeCloseTo(243.2);
    expect(arrange({ width: 10, height: 20 }, picture, 2, 16, 28, 1).width).toBe(0);
  });
});

describe('pictures and conditions', () => {
  const layout = {
    kind: 'paired',
    content: 'labels',
    channels: 3,
    bytesPerPixel: 1,
    classNames: ['a', 'b', 'c'],
    classColours: [
      [10, 20, 30],
      [200, 0, 0],
      [0, 0, 250],
    ],
    followsColour: false,
  } as const;

  it('come back from a picture as they were', () => {
    const ids = Uint8Array.of(2, 0, 1, 1);
    const rgba = new Uint8ClampedArray(16);
    painterOf(layout)(ids, rgba);
    expect([...rgba.subarray(0, 8)]).toEqual([0, 0, 250, 255, 10, 20, 30, 255]);
    rgba[15] = 0;
    rgba[8] = 190;
    const read = readPicture(rgba, layout);
    expect([...read.bytes]).toEqual([2, 0, 1, 0]);
    expect([...read.there]).toEqual([1, 1, 1, 0]);
    expect(read.inexact).toBe(1);
  });

  it('are grey where there is one channel, and colour where there are three', () => {
    const grey = { ...layout, content: 'image', channels: 1, classNames: [] } as const;
    const rgba = new Uint8ClampedArray(8);
    painterOf(grey)(Uint8Array.of(9, 200), rgba);
    expect([...rgba]).toEqual([9, 9, 9, 255, 200, 200, 200, 255]);
    expect([...readPicture(rgba, grey).bytes]).toEqual([9, 200]);
    const colour = { ...grey, channels: 3, bytesPerPixel: 3 };
    painterOf(colour)(Uint8Array.of(1, 2, 3, 4, 5, 6), rgba);
    expect([...readPicture(rgba, colour).bytes]).toEqual([1, 2, 3, 4, 5, 6]);
    rgbToRgba(Uint8Array.of(7, 8, 9, 1, 2, 3), rgba);
    rgba[3] = 0;
    expect([...rgbaToRgb(rgba)]).toEqual([0, 0, 0, 1, 2, 3]);
  });

  it('are enlarged without blending', () => {
    const small = createRaster(2, 1, 1);
    small.bytes.set([4, 9]);
    small.there.set([1, 0]);
    const large = scaled(small, 4, 2);
    expect([...large.bytes]).toEqual([4, 4, 9, 9, 4, 4, 9, 9]);
    expect([...large.there]).toEqual([1, 1, 0, 0, 1, 1, 0, 0]);
  });
});
