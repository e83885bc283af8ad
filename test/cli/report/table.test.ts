import { describe, expect, it } from 'vitest';
import { formatCount, formatFacts, formatSi, formatTable } from '../../../src/cli/report/table.js';

describe('tables', () => {
  it('align their columns, numbers to the right', () => {
    const table = formatTable(
      [{ title: 'clip' }, { title: 'frames', align: 'right' }, { title: 'note' }],
      [
        ['größe.mp4', '7', ''],
        ['b', '12,345', 'cut'],
      ],
    );
    expect(table).toBe(
      [
        'clip       frames  note',
        '─────────  ──────  ────',
        'größe.mp4       7',
        'b          12,345  cut',
        '',
      ].join('\n'),
    );
  });

  it('show facts by name', () => {
    expect(
      formatFacts([
        ['a', '1'],
        ['longer', '2'],
      ]),
    ).toBe('a       1\nlonger  2\n');
  });

  it('shorten numbers', () => {
    expect(formatCount(1234567)).toBe('1,234,567');
    expect([999, 1500, 2.5e9].map(formatSi)).toEqual(['999', '1.50 k', '2.50 G']);
  });
});
