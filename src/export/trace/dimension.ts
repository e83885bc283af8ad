/** How many samples, and a quarter of the height and of the width, one trace was made with. */
export interface TraceSize {
  readonly samples: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The sizes that a network is traced at. Eight corners of a box determine every number that grows
 * linearly with each of the three; the last, outside the box, shows whether it really does. None is
 * 1, which would take shortcuts, and rows and columns are odd and even.
 */
const CORNERS = { samples: [2, 3], rows: [5, 8], columns: [7, 10] } as const;
export const TRACE_SIZES: readonly TraceSize[] = [
  ...CORNERS.samples.flatMap((samples) =>
    CORNERS.rows.flatMap((rows) => CORNERS.columns.map((columns) => ({ samples, rows, columns }))),
  ),
  { samples: 5, rows: 11, columns: 12 },
];

/** A product of some of the three sizes. */
type Monomial = readonly ('samples' | 'rows' | 'columns')[];

const MONOMIALS: readonly Monomial[] = [
  [],
  ['columns'],
  ['rows'],
  ['rows', 'columns'],
  ['samples'],
  ['samples', 'columns'],
  ['samples', 'rows'],
  ['samples', 'rows', 'columns'],
];

const monomialAt = (monomial: Monomial, size: TraceSize): number =>
  monomial.reduce((product, name) => product * size[name], 1);

/**
 * A number of a network that may depend on the size of its input: a sum of products of samples, rows
 * and columns, each to the first power, with whole factors.
 */
export class Dimension {
  /** One for each of MONOMIALS. */
  readonly #coefficients: readonly number[];

  private constructor(coefficients: readonly number[]) {
    this.#coefficients = coefficients;
  }

  static constant(value: number): Dimension {
    return new Dimension([value, 0, 0, 0, 0, 0, 0, 0]);
  }

  /**
   * The one that has these values at TRACE_SIZES.
   * @returns null when there is none: the number depends on the size in another way
   */
  static fit(values: readonly number[]): Dimension | null {
    if (values.every((value) => Object.is(value, values[0]))) return Dimension.constant(values[0]!);
    let coefficients = values.slice(0, 8);
    // Along each axis in turn: values at two places become what there is at 0, and the slope.
    [CORNERS.columns, CORNERS.rows, CORNERS.samples].forEach(([low, high], axis) => {
      const stride = 2 ** axis;
      coefficients = coefficients.map((value, i) => {
        const isHigh = Math.floor(i / stride) % 2 === 1;
        const atLow = isHigh ? coefficients[i - stride]! : value;
        const slope = ((isHigh ? value : coefficients[i + stride]!) - atLow) / (high - low);
        return isHigh ? slope : atLow - slope * low;
      });
    });
    const fitted = new Dimension(coefficients.map(Math.round));
    const holds = TRACE_SIZES.every((size, i) => fitted.at(size) === values[i]);
    return holds ? fitted : null;
  }

  /** Its value when it depends on no size. */
  get constant(): number | undefined {
    return this.#coefficients.slice(1).every((value) => value === 0)
      ? this.#coefficients[0]
      : undefined;
  }

  at(size: TraceSize): number {
    return this.#coefficients.reduce(
      (sum, factor, i) => sum + factor * monomialAt(MONOMIALS[i]!, size),
      0,
    );
  }

  equals(other: Dimension | number): boolean {
    const that = typeof other === 'number' ? Dimension.constant(other) : other;
    return this.#coefficients.every((value, i) => value === that.#coefficients[i]);
  }

  times(factor: number): Dimension {
    return new Dimension(this.#coefficients.map((value) => value * factor));
  }

  /** k where this is k times the other at every size. */
  ratioTo(other: Dimension): number | undefined {
    const pivot = other.#coefficients.findIndex((value) => value !== 0);
    if (pivot < 0) return undefined;
    const ratio = this.#coefficients[pivot]! / other.#coefficients[pivot]!;
    return this.equals(other.times(ratio)) ? ratio : undefined;
  }
}
