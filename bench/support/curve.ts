/** A curve of a picture: values by the places of the horizontal axis. */
export interface Curve {
  readonly name: string;
  readonly values: readonly number[];
  readonly colour: string;
}

const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [860, 420, 60, 56, 190, 44];

const escaped = (text: string): string =>
  text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * Curves over places that double from one to the next, as an SVG picture.
 * @param most of the vertical axis, which begins at 0
 */
export function curves(
  {
    title,
    unit,
    places,
    most,
  }: { title: string; unit: string; places: readonly number[]; most: number },
  all: readonly Curve[],
): string {
  const x = (i: number): number => LEFT + (i / (places.length - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * most).toFixed(1);
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${(share * most).toFixed(2)}</text>`;
  });
  const marks = places.map(
    (place, i) =>
      `<text x="${x(i).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${place}</text>`,
  );
  // Names of curves that end close to each other would lie on each other.
  const ends = all
    .map(({ values }, i) => ({ i, at: y(values.at(-1)!) }))
    .sort((a, b) => a.at - b.at);
  const label = new Map<number, number>();
  let last = -Infinity;
  for (const { i, at } of ends) {
    last = Math.max(at, last + 16);
    label.set(i, last);
  }
  const lines = all.map(({ name, values, colour }, i) => {
    const points = values
      .map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`)
      .join(' ');
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/><text x="${WIDTH - RIGHT + 8}" y="${(label.get(i)! + 4).toFixed(1)}" fill="${colour}">${escaped(name)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>`,
    `<text x="8" y="22" font-weight="bold">${escaped(title)}</text><text x="8" y="40" fill="#666">${escaped(unit)}</text>`,
    ...grid,
    ...marks,
    ...lines,
    '</svg>\n',
  ].join('\n');
}
