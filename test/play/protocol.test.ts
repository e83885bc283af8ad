import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import type { ClientMessage } from '../../src/play/live/messages.js';
import {
  decodeFromPage,
  decodeFromSession,
  encodePacket,
  HEADER_BYTES,
  MOST_PICTURE_PIXELS,
} from '../../src/play/live/packets.js';
import {
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  MOST_TEXT,
} from '../../src/play/live/protocol.js';

const GOOD: readonly ClientMessage[] = [
  { type: 'hello', protocol: 1 },
  { type: 'play' },
  { type: 'pause' },
  { type: 'step' },
  { type: 'step', frames: 3 },
  { type: 'reset' },
  { type: 'reset', seed: 5 },
  { type: 'seed', seed: 0 },
  { type: 'fps', fps: 29.97 },
  { type: 'speed', speed: 0.5 },
  { type: 'size', width: 256, height: 144 },
  { type: 'style', style: null },
  { type: 'style', style: 'dusk.mp4' },
  { type: 'style', style: [0.5, -1] },
  { type: 'actions', values: { left: 1, steer: -0.25 } },
  { type: 'start', clip: 0, frame: 12 },
  { type: 'clip', clip: 0, first: 3, count: 25 },
  { type: 'base', clip: null },
  { type: 'base', clip: 1, frame: 30, show: true },
  { type: 'record', on: true },
  { type: 'shown', frame: 4_294_967_295 },
];

const BAD: readonly (readonly [string, string])[] = [
  ['', 'no JSON'],
  ['{', 'no JSON'],
  ['null', 'no object'],
  ['[]', 'no object'],
  ['"play"', 'no object'],
  ['{}', 'no known type: undefined'],
  ['{"type":"toString"}', 'no known type: "toString"'],
  ['{"type":"__proto__"}', 'no known type'],
  ['{"type":"play","now":1}', 'a play with a field that there is not: "now"'],
  ['{"type":"hello"}', 'a hello whose protocol cannot be undefined'],
  ['{"type":"step","frames":0}', 'a step whose frames cannot be 0'],
  ['{"type":"step","frames":1001}', 'cannot be 1001'],
  ['{"type":"seed","seed":-1}', 'cannot be -1'],
  ['{"type":"seed","seed":1.5}', 'cannot be 1.5'],
  ['{"type":"fps","fps":1e9}', 'cannot be 1000000000'],
  ['{"type":"fps","fps":"25"}', 'cannot be "25"'],
  ['{"type":"speed","speed":0}', 'cannot be 0'],
  ['{"type":"size","width":256}', 'height cannot be undefined'],
  ['{"type":"style","style":[2]}', 'cannot be [2]'],
  ['{"type":"actions","values":[1]}', 'cannot be [1]'],
  ['{"type":"actions","values":{"left":null}}', 'cannot be {"left":null}'],
  ['{"type":"actions","values":{"left":1e999}}', 'cannot be'],
  ['{"type":"clip","clip":0,"first":0,"count":100000}', 'cannot be 100000'],
  ['{"type":"base","clip":"street"}', 'a base whose clip cannot be "street"'],
  ['{"type":"record","on":1}', 'cannot be 1'],
  [`{"type":"play","x":"${'x'.repeat(MOST_TEXT)}"}`, 'characters long, 65536 at most'],
];

describe('text messages', () => {
  it.each(GOOD.map((message) => [encodeClient(message), message] as const))(
    '%s',
    (text, message) => {
      expect(decodeClient(text)).toEqual(message);
    },
  );

  it.each(BAD)('refuses %.40s', (text, why) => {
    let refusal: unknown;
    try {
      decodeClient(text);
    } catch (error) {
      refusal = error;
    }
    expect(isFrameloomError(refusal, 'bad-input') && refusal.toLine()).toContain(why);
  });

  it('takes anything for a message or refuses it with an error of its own', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((o) => JSON.stringify(o)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          return typeof decodeClient(text).type === 'string';
        } catch (error) {
          return isFrameloomError(error, 'bad-input');
        }
      }),
    );
  });

  it('of a session are known by their type', () => {
    const message = { type: 'warning', message: 'slow' } as const;
    expect(decodeServer(encodeServer(message))).toEqual(message);
    expect(() => decodeServer('{"type":"play"}')).toThrow('of no known type: "play"');
    expect(() => decodeServer('7')).toThrow('no object');
  });
});

describe('packets', () => {
  it('come out as they went in, whatever they stand in', () => {
    const sides = {
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
    };
    const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.record({ ...sides, number, newest: number }), (told) => {
        const pixels = new Uint8Array(3 * told.width * told.height).map((_, i) => i);
        const sent = encodePacket({ kind: 'frame', ...told, clip: 7, ms: 16.5, pixels });
        // As a view into something larger, at any place of it.
        const inside = new Uint8Array(sent.length + 5);
        inside.set(sent, 3);
        expect(decodeFromSession(inside.subarray(3, 3 + sent.length), 1)).toEqual({
          ...{ kind: 'frame', clip: 7, ms: 16.5, pixels },
          ...told,
        });
      }),
    );
  });

  const size = { width: 8, height: 4 };
  const condition = encodePacket({
    kind: 'condition',
    ...size,
    number: 9,
    pixels: new Uint8Array(32),
  });
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = condition.slice();
    bytes[at] = value;
    return bytes;
  };

  it('of a page', () => {
    expect(decodeFromPage(condition, 1)).toMatchObject({ kind: 'condition', number: 9, ...size });
    const picture = encodePacket({ kind: 'picture', ...size, pixels: new Uint8ClampedArray(96) });
    expect(decodeFromPage(picture, 1).pixels).toHaveLength(96);
    const overlay = encodePacket({ kind: 'overlay', ...size, pixels: new Uint8Array(64) });
    expect(decodeFromPage(overlay, 1).kind).toBe('overlay');
    expect(() => decodeFromPage(overlay, 3)).toThrow('in 64 bytes, expected 128');
  });

  it.each([
    ['is short', condition.subarray(0, HEADER_BYTES - 1), '19 bytes, fewer than its header'],
    ['is of another kind', changed(0, 65), 'of no known kind: 65'],
    ['is of another protocol', changed(1, 9), 'of protocol 9, and this is 1'],
    ['says another size', changed(2, 9), 'of 9x4 in 32 bytes, expected 36'],
    ['has no width', changed(2, 0), 'of no pixels'],
    ['is huge', changed(5, 255), 'expected 522'],
    ['lacks its last byte', condition.subarray(0, -1), 'in 31 bytes, expected 32'],
  ])('is refused where it %s', (_what, bytes, why) => {
    expect(() => decodeFromPage(bytes, 1)).toThrow(why);
  });

  it('is refused where it is larger than pictures may be, before it is looked at', () => {
    const bytes = changed(3, 255);
    bytes[5] = 255;
    expect(65_288 * 65_284).toBeGreaterThan(MOST_PICTURE_PIXELS);
    expect(() => decodeFromPage(bytes, 1)).toThrow('a condition of 65288x65284: too large');
  });
});
