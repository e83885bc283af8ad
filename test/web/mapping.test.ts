import { describe, expect, it } from 'vitest';
import type { ActionColumn } from '../../src/clips/types.js';
import {
  actionValues,
  areOne,
  bindingName,
  learnt,
  mappedKeys,
  usualMapping,
  type Held,
} from '../../web/src/input/mapping.js';

const column = (name: string, kind: 'key' | 'axis', rest = 0): ActionColumn => ({
  name,
  kind,
  default: rest,
});
const held = (over: Partial<Held> = {}): Held => ({
  keys: new Set(),
  pads: [],
  touched: new Map(),
  ...over,
});

describe('actions', () => {
  it('knows usual keys by the names of columns, and gives each key to one column', () => {
    const mapping = usualMapping([
      column('left', 'key'),
      column('move_right', 'key'),
      column('jump', 'key'),
      column('lamp', 'key'),
      column('steer', 'axis'),
    ]);
    expect(mapping.left).toEqual(['ArrowLeft', 'KeyA', 'Button14', '-Axis0']);
    expect(mapping.move_right).toEqual(['ArrowRight', 'KeyD', 'Button15', '+Axis0']);
    expect(mapping.jump).toEqual(['Space', 'Button0']);
    expect(mapping.lamp).toEqual(['KeyJ']);
    expect(mapping.steer).toEqual(['-KeyK', '+KeyL']);
    const alone = usualMapping([column('steer', 'axis')]);
    expect(alone.steer).toEqual(['-ArrowLeft', '+ArrowRight', '-KeyA', '+KeyD', 'Axis0']);
    expect([...mappedKeys(alone)]).toEqual(['ArrowLeft', 'ArrowRight', 'KeyA', 'KeyD']);
  });

  it('gives every column a key while there are keys', () => {
    const columns = Array.from({ length: 10 }, (_, i) => column(`thing ${i}`, 'key'));
    const bindings = Object.values(usualMapping(columns)).flat();
    expect(new Set(bindings).size).toBe(10);
    expect(usualMapping([...columns, column('one more', 'key')])['one more']).toEqual([]);
  });

  it('adds up keys, pads and what is touched, within the ends of a column', () => {
    const columns = [column('jump', 'key'), column('steer', 'axis', 0.25)];
    const mapping = { jump: ['Space', 'Button0', '-Axis1'], steer: ['-KeyA', '+KeyD', 'Axis0'] };
    const now = (over: Partial<Held>) => actionValues(columns, mapping, held(over));
    expect(now({})).toEqual({ jump: 0, steer: 0.25 });
    expect(now({ keys: new Set(['Space', 'KeyA']) })).toEqual({ jump: 1, steer: -1 });
    expect(now({ keys: new Set(['KeyA', 'KeyD']) })).toEqual({ jump: 0, steer: 0.25 });
    expect(now({ pads: [{ buttons: [0.8], axes: [0.6, 0] }] })).toEqual({ jump: 1, steer: 0.6 });
    expect(now({ pads: [{ buttons: [], axes: [0.1, -0.9] }] })).toEqual({ jump: 1, steer: 0.25 });
    expect(
      now({
        touched: new Map([
          ['steer', -0.5],
          ['jump', 1],
        ]),
      }),
    ).toEqual({
      jump: 1,
      steer: -0.5,
    });
    const both = { keys: new Set(['KeyD']), pads: [{ buttons: [], axes: [0.7] }] };
    expect(now(both).steer).toBe(1);
  });

  it('calls bindings as people do', () => {
    expect(
      ['ArrowLeft', '-KeyA', 'Space', 'ShiftLeft', 'Button14', '+Axis0', 'Button7', '-Axis3'].map(
        bindingName,
      ),
    ).toEqual(['←', '−A', 'Space', 'Shift', 'pad ←', 'stick →', 'pad button 7', 'pad axis 3-']);
    expect([learnt('-Axis0', 'key', ''), learnt('-Axis0', 'axis', '+')]).toEqual([
      '-Axis0',
      'Axis0',
    ]);
    expect([learnt('KeyA', 'key', ''), learnt('KeyA', 'axis', '-')]).toEqual(['KeyA', '-KeyA']);
    // The two sides of a stick are two things, a key's two ends are one.
    expect(areOne('-Axis0', '+Axis0')).toBe(false);
    expect([areOne('Axis0', '+Axis0'), areOne('-KeyA', '+KeyA')]).toEqual([true, true]);
  });
});
