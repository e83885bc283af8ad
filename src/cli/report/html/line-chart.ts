import { html, type Markup } from './markup.js';

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** Decides the colour, the same for a run in every chart; `beside` is grey and dashed, for what it is held against. */
  readonly colour: number | 'beside';
  /** In the order of x; what is not finite leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  readonly xTitle: string;
  readonly series: readonly Series[];
  /** Values that the axis reaches in any case: 0 and 1 of a share, say. */
  readonly reaches?: readonly number[];
}

/** As wide as a phone shows, so that letters are readable there; a wider page has several beside each other. */
const [WIDTH, HEIGHT] = [360, 200];
const FRAME = { left: 46, right: 10, top: 10, bottom: 34 };
/** Colours that there are in the style sheet. */
export const COLOURS = 8;
/** More points than there are pixels say nothing. */
const MOST_POINTS = 160;

/** Round numbers that cover a range, `count` of them or a few more or less. */
export function ticksOf(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = (step: number): number => Math.abs(Math.log(step / rough));
  const step = [1, 2, 5, 10]
    .map((one) => one * power)
    .reduce((nearest, one) => (apart(one) < apart(nearest) ? one : nearest));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

/** A tick's number with as many digits as its neighbours need. */
export function sayTick(value: number, ticks: readonly number[]): string {
  const step = ticks.length > 1 ? Math.abs(ticks[1]! - ticks[0]!) : Math.abs(value) || 1;
  if (Math.max(...ticks.map(Math.abs)) >= 10_000) {
    const thousands = Math.max(0, Math.min(3, 3 - Math.floor(Math.log10(step))));
    return value === 0 ? '0' : `${(value / 1000).toFixed(thousands)}k`.replace('-', '−');
  }
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return digits > 5 ? value.toExponential(0) : value.toFixed(digits).replace('-', '−');
}

/** Points in a row as their mean, where there are more of them than can be seen. */
export function thinned(
  points: readonly (readonly [number, number])[],
  most = MOST_POINTS,
): readonly (readonly [number, number])[] {
  if (points.length <= most) return points;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return Array.from({ length: most }, (_, i) => {
    const part = points.slice(
      Math.floor((i * points.length) / most),
      Math.floor(((i + 1) * points.length) / most),
    );
    const whole = part.filter(([, y]) => Number.isFinite(y));
    const shown = whole.length > 0 ? whole : part;
    return [mean(shown.map(([x]) => x)), mean(shown.map(([, y]) => y))] as const;
  });
}

/** Where an axis begins and ends: of values, or of those that are not far from all others. */
export function rangeOf(values: readonly number[]): { low: number; high: number; cut: boolean } {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  let [low, high] = [at(0), at(1)];
  // One training that explodes would leave the others a line at the bottom.
  const usual = at(0.95) - at(0.05);
  const [lowest, highest] = [at(0.05) - 2 * usual, at(0.95) + 2 * usual];
  const cut = usual > 0 && (low < lowest || high > highest);
  if (usual > 0) [low, high] = [Math.max(low, lowest), Math.min(high, highest)];
  // Values that differ by rounding alone are one line in the middle, not noise all over the picture.
  const least = Math.max(1e-9, 1e-6 * Math.max(Math.abs(low), Math.abs(high)));
  const room = high - low > least ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1;
  return { low: low - room, high: high + room, cut };
}

/** A line chart as inline SVG, in the colours of the page that it stands in. */
export function lineChart({ title, xTitle, series, reaches = [] }: LineChart): Markup {
  const lines = series.map((one) => ({ ...one, points: thinned(one.points) }));
  const points = lines.flatMap((line) => line.points).filter(([, y]) => Number.isFinite(y));
  const y = rangeOf([...points.map(([, value]) => value), ...reaches]);
  const xs = points.map(([x]) => x);
  const x = { low: Math.min(...xs), high: Math.max(...xs) };
  if (!(x.high > x.low)) [x.low, x.high] = [(x.low || 0) - 1, (x.low || 0) + 1];
  const [right, bottom] = [WIDTH - FRAME.right, HEIGHT - FRAME.bottom];
  const across = (value: number): number =>
    FRAME.left + ((value - x.low) / (x.high - x.low)) * (right - FRAME.left);
  const up = (value: number): number => {
    const inside = Math.min(y.high, Math.max(y.low, value));
    return bottom - ((inside - y.low) / (y.high - y.low)) * (bottom - FRAME.top);
  };
  const at = (value: number): string => value.toFixed(1);
  const yTicks = ticksOf(y.low, y.high, 4);
  const xTicks = ticksOf(x.low, x.high, 5).filter((tick) => Number.isInteger(tick));
  const grid = yTicks.map(
    (tick) =>
      html`<line
          class="grid"
          x1="${FRAME.left}"
          x2="${right}"
          y1="${at(up(tick))}"
          y2="${at(up(tick))}"
        /><text x="${FRAME.left - 6}" y="${at(up(tick) + 4)}" text-anchor="end"
          >${sayTick(tick, yTicks)}</text
        >`,
  );
  const below = xTicks.map((tick) => {
    // The last number would stand over the edge.
    const anchor = across(tick) > right - 12 ? 'end' : 'middle';
    return html`<text x="${at(across(tick))}" y="${bottom + 15}" text-anchor="${anchor}"
      >${sayTick(tick, xTicks)}</text
    >`;
  });
  const drawn = lines.map((line) => {
    const of = line.colour === 'beside' ? 'beside' : `c${line.colour % COLOURS}`;
    const dashed = typeof line.colour === 'number' && line.colour >= COLOURS ? ' again' : '';
    const shown = line.points.filter(([, value]) => Number.isFinite(value));
    const dots =
      shown.length > 24
        ? null
        : shown.map(
            ([px, py]) => html`<circle cx="${at(across(px))}" cy="${at(up(py))}" r="2.2" />`,
          );
    const path = pathOf(
      line.points.map(([px, py]) => [across(px), Number.isFinite(py) ? up(py) : NaN]),
    );
    return html`<g class="line ${of}${dashed}"
      ><title>${line.name}</title><path d="${path}" />${dots}</g
    >`;
  });
  // What others are held against lies below them.
  const ordered = [
    ...drawn.filter((_, i) => lines[i]!.colour === 'beside'),
    ...drawn.filter((_, i) => lines[i]!.colour !== 'beside'),
  ];
  const caption = y.cut ? `${title} (outliers at the edge)` : title;
  return html`<figure class="chart">
    <figcaption>${caption}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${caption}">
      ${grid}${below}
      <text x="${right}" y="${HEIGHT - 4}" text-anchor="end" class="axis">${xTitle}</text>
      ${ordered}
    </svg>
  </figure>`;
}

/** An SVG path through points, with gaps where one is not a number. */
function pathOf(points: readonly (readonly number[])[]): string {
  let drawing = false;
  return points
    .map(([x = NaN, y = NaN]) => {
      if (Number.isNaN(y)) {
        drawing = false;
        return '';
      }
      const command = drawing ? 'L' : 'M';
      drawing = true;
      return `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
