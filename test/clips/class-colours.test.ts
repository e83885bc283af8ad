import { describe, expect, it } from 'vitest';
import { classColoursOf, conditionToRgb, hueOf } from '../../src/clips/class-colours.js';
import { conditionLayout } from '../../src/clips/condition-plan.js';
import { conditionOptions } from '../../src/clips/index.js';

const layoutOf = (more: Record<string, unknown>) =>
  conditionLayout(
    {
      condition: conditionOptions.parse({ kind: 'paired', path: 'x', content: 'labels', ...more }),
    },
    '.',
  );

describe('labels for people', () => {
  it('are drawn in the colours of the palette', async () => {
    const layout = await layoutOf({ palette: { road: [128, 64, 128], sky: [70, 130, 180] } });
    expect(classColoursOf(layout)).toEqual([
      [128, 64, 128],
      [70, 130, 180],
    ]);
    expect([...conditionToRgb(Uint8Array.of(1, 0, 9), layout)]).toEqual([
      ...[70, 130, 180, 128, 64, 128],
      // Of no class.
      ...[0, 0, 0],
    ]);
  });

  it('have hues that differ where there is no palette', async () => {
    const layout = await layoutOf({ classes: 20 });
    const colours = classColoursOf(layout);
    expect(colours[7]).toEqual(hueOf(7));
    const distance = (a: readonly number[], b: readonly number[]): number =>
      Math.max(...a.map((level, i) => Math.abs(level - b[i]!)));
    for (const [id, colour] of colours.entries()) {
      for (const other of colours.slice(0, id)) expect(distance(colour, other)).toBeGreaterThan(8);
    }
  });

  it('of one channel are grey, and of three as they are', async () => {
    const grey = await conditionLayout({ condition: conditionOptions.parse('edges') }, '.');
    expect([...conditionToRgb(Uint8Array.of(0, 200), grey)]).toEqual([0, 0, 0, 200, 200, 200]);
    const blur = await conditionLayout({ condition: conditionOptions.parse('blur') }, '.');
    expect([...conditionToRgb(Uint8Array.of(1, 2, 3), blur)]).toEqual([1, 2, 3]);
  });
});
