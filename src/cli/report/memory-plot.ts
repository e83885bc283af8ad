import { formatBytes } from '../../base/units.js';
import type { MemoryReport, PlanRow } from './memory-report.js';

const [WIDTH, HEIGHT] = [860, 520];
const FRAME = { left: 90, right: 190, top: 50, bottom: 60 };
const COLOURS = ['#1b6ca8', '#c8553d', '#4f772d', '#7b2d8b'] as const;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

interface Axes {
  readonly x: (frames: number) => number;
  readonly y: (bytes: number) => number;
  readonly frames: readonly number[];
  readonly bytes: readonly number[];
}

/** Both axes are logarithmic, by powers of two. */
function axesOf(rows: readonly PlanRow[], budgetBytes: number): Axes {
  const frames = [...new Set(rows.map((row) => row.frames))];
  const all = [budgetBytes, ...rows.flatMap((row) => [row.plainBytes, row.plan?.peakBytes ?? 0])];
  const shown = all.filter((value) => value > 0);
  const low = Math.floor(Math.log2(Math.min(...shown)));
  const high = Math.max(low + 1, Math.ceil(Math.log2(Math.max(...shown))));
  const most = Math.max(1, Math.log2(Math.max(...frames)));
  const across = WIDTH - FRAME.left - FRAME.right;
  const down = HEIGHT - FRAME.top - FRAME.bottom;
  return {
    x: (value) => FRAME.left + (Math.log2(value) / most) * across,
    y: (value) => FRAME.top + ((high - Math.log2(value)) / (high - low)) * down,
    frames,
    bytes: Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i)),
  };
}

const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(words)}</text>`;

function line(points: readonly (readonly [number, number])[], attributes: string): string {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  return `<polyline points="${path}" fill="none" ${attributes}/>`;
}

/**
 * The report's sweep as an SVG picture: peak bytes against the rollout's frames, one colour a size,
 * dashed on one tape and solid as planned. A solid line ends where nothing fits.
 */
export function memoryPlot(report: MemoryReport): string {
  const { sweep, budgetBytes, pipeline } = report;
  const axes = axesOf(sweep, budgetBytes);
  const [left, right] = [FRAME.left, WIDTH - FRAME.right];
  const bottom = HEIGHT - FRAME.bottom;
  const grid = [
    ...axes.bytes.map((bytes) => {
      const y = axes.y(bytes);
      return `${line(
        [
          [left, y],
          [right, y],
        ],
        'stroke="#ddd"',
      )}${text(left - 8, y + 4, formatBytes(bytes), 'text-anchor="end"')}`;
    }),
    ...axes.frames.map((frames) => {
      const x = axes.x(frames);
      return `${line(
        [
          [x, FRAME.top],
          [x, bottom],
        ],
        'stroke="#eee"',
      )}${text(x, bottom + 18, String(frames), 'text-anchor="middle"')}`;
    }),
  ];
  const sizes = [...new Set(sweep.map(({ width, height }) => `${width}x${height}`))];
  const curves = sizes.flatMap((size, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const rows = sweep.filter(({ width, height }) => `${width}x${height}` === size);
    const planned = rows.flatMap(({ frames, plan }) =>
      plan ? [[axes.x(frames), axes.y(plan.peakBytes)] as const] : [],
    );
    const key = FRAME.top + 20 + i * 44;
    return [
      line(
        rows.map(({ frames, plainBytes }) => [axes.x(frames), axes.y(plainBytes)] as const),
        `stroke="${colour}" stroke-dasharray="5 4"`,
      ),
      line(planned, `stroke="${colour}" stroke-width="2.5"`),
      ...planned.map(
        ([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="${colour}"/>`,
      ),
      line(
        [
          [right + 14, key],
          [right + 38, key],
        ],
        `stroke="${colour}" stroke-width="2.5"`,
      ),
      text(right + 44, key + 4, `${size}, planned`),
      line(
        [
          [right + 14, key + 18],
          [right + 38, key + 18],
        ],
        `stroke="${colour}" stroke-dasharray="5 4"`,
      ),
      text(right + 44, key + 22, `${size}, one tape`),
    ];
  });
  const budget = axes.y(budgetBytes);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(left, 26, `${pipeline}: predicted peak of a training step’s tensors`, 'font-size="16"'),
    ...grid,
    line(
      [
        [left, budget],
        [right, budget],
      ],
      'stroke="black" stroke-width="1.5"',
    ),
    text(right - 4, budget - 6, `budget ${formatBytes(budgetBytes)}`, 'text-anchor="end"'),
    ...curves,
    text((left + right) / 2, HEIGHT - 18, 'frames of the rollout', 'text-anchor="middle"'),
    '</svg>\n',
  ].join('\n');
}
