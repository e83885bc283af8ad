/** One bar: its name, how long, what is written beside it, and which of two colours. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly text: string;
  readonly ours: boolean;
}

export interface Chart {
  readonly title: string;
  /** What the bars' lengths are. */
  readonly unit: string;
  readonly bars: readonly Bar[];
}

const [WIDTH, NAMES, VALUES] = [860, 300, 180];
const [ROW, HEAD, GAP] = [22, 44, 16];

const escaped = (text: string): string =>
  text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);

function chartRows({ title, unit, bars }: Chart, top: number): string {
  const longest = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - NAMES - VALUES;
  const lines = bars.map(({ name, value, text, ours }, i) => {
    const y = top + HEAD + i * ROW;
    const width = Math.max(1, (value / longest) * room);
    return [
      `<text x="${NAMES - 8}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${NAMES}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" fill="${ours ? '#1b6ac9' : '#b5b5b5'}"/>`,
      `<text x="${(NAMES + width + 6).toFixed(1)}" y="${y + 15}">${escaped(text)}</text>`,
    ].join('');
  });
  const heading = `<text x="8" y="${top + 22}" font-weight="bold">${escaped(title)}</text><text x="8" y="${top + 38}" fill="#666">${escaped(unit)}</text>`;
  return [heading, ...lines].join('\n');
}

/** Bar charts one below the other, as an SVG file. */
export function barCharts(charts: readonly Chart[]): string {
  let top = 0;
  const parts = charts.map((chart) => {
    const drawn = chartRows(chart, top);
    top += HEAD + chart.bars.length * ROW + GAP;
    return drawn;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`;
}
