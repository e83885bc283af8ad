import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FrameloomError, messageOf } from '../base/error.js';
import { ROW_COLUMNS } from './action-options.js';
import type { ActionRules } from './actions.js';

/** What the rows of a file are numbered by; `row`: by nothing, one for each frame. */
export type RowsBy = (typeof ROW_COLUMNS)[number] | 'row';

/** A file of actions, read and checked. */
export interface ActionTable {
  readonly path: string;
  /** Of its bytes. */
  readonly sha256: string;
  readonly by: RowsBy;
  /** Frame or second of each row; ascending. */
  readonly at: Float64Array;
  /** [rows, columns], keys 0 or 1, axes −1 to 1; NaN where a cell is empty. */
  readonly values: Float32Array;
  /** Columns that nothing is told of. */
  readonly unused: readonly string[];
}

const SEPARATORS = [',', ';', '\t'] as const;

const isHeld: Readonly<Record<string, number>> = { true: 1, false: 0 };

/** The cells of a line; quotes may stand around each. */
function cellsOf(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim());
  const cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const letter = line[i]!;
    if (letter === '"' && isQuoted && line[i + 1] === '"') {
      cell += '"';
      i += 1;
    } else if (letter === '"') isQuoted = !isQuoted;
    else if (letter === separator && !isQuoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += letter;
  }
  return [...cells, cell.trim()];
}

/** A CSV file's lines that say something, each with its number from 1. */
function linesOf(text: string): { readonly number: number; readonly line: string }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ number: i + 1, line }))
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('#'));
}

/** Where each column of the rules stands in the file, and what its rows are numbered by. */
interface Header {
  readonly separator: string;
  readonly width: number;
  readonly by: RowsBy;
  /** Place of the column that rows are numbered by; −1 of none. */
  readonly byAt: number;
  readonly places: readonly number[];
  readonly unused: readonly string[];
}

function headerOf(line: string, path: string, { columns }: ActionRules): Header {
  const separator = SEPARATORS.find((one) => line.includes(one)) ?? ',';
  const names = cellsOf(line, separator);
  const problem = (message: string, hint: string): FrameloomError =>
    new FrameloomError('bad-data', `${path}:1: ${message}`, { path, hint });
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw problem(`there are two columns ${twice}`, 'name each once');
  const places = columns.map(({ name }) => names.indexOf(name));
  const missing = columns.filter((_, i) => places[i] === -1).map(({ name }) => name);
  if (missing.length > 0) {
    throw problem(
      `there is no column ${missing.join(', ')}`,
      `the first line names the columns, and has ${names.join(', ')}`,
    );
  }
  const found = ROW_COLUMNS.flatMap((by) => {
    const at = names.findIndex((name) => name.toLowerCase() === by);
    return at === -1 ? [] : [{ by, at }];
  });
  // Of a file that has both, frames are exact.
  const [{ by, at: byAt } = { by: 'row' as const, at: -1 }, other] = found;
  const used = new Set([...places, byAt, ...(other ? [other.at] : [])]);
  const unused = names.filter((name, i) => name !== '' && !used.has(i));
  return { separator, width: names.length, by, byAt, places, unused };
}

/** A number of a cell; NaN of an empty one. */
function numberOf(cell: string, tell: (message: string, hint: string) => FrameloomError): number {
  if (cell === '') return Number.NaN;
  const value = isHeld[cell.toLowerCase()] ?? Number(cell);
  if (Number.isFinite(value)) return value;
  throw tell(
    `${JSON.stringify(cell.slice(0, 40))} is no number`,
    'write numbers as 12.5, with a point and without units; a cell may be empty',
  );
}

/**
 * Reads what was done from a CSV file: a line that names the columns, then a row for each frame (`frame`, from 0, or
 * nothing, where there is a row for every frame), or for each moment (`time` in seconds).
 * @throws FrameloomError bad-data that names file, line and column
 */
export function parseActions(text: string, path: string, rules: ActionRules): ActionTable {
  // What UTF-16 is where it is read as UTF-8.
  if (text.includes('\0')) {
    throw new FrameloomError('bad-data', `${path} is no text in UTF-8`, {
      path,
      hint: 'save it as CSV in UTF-8',
    });
  }
  const [first, ...lines] = linesOf(text);
  if (!first || lines.length === 0) {
    throw new FrameloomError('bad-data', `${path} holds ${first ? 'no rows' : 'nothing'}`, {
      path,
      hint: `begin with a line such as frame,${rules.columns.map(({ name }) => name).join(',')}`,
    });
  }
  const header = headerOf(first.line, path, rules);
  const { columns, ranges } = rules;
  const at = new Float64Array(lines.length);
  const values = new Float32Array(lines.length * columns.length);
  lines.forEach(({ number, line }, row) => {
    const tell = (message: string, hint?: string): FrameloomError =>
      new FrameloomError('bad-data', `${path}:${number}: ${message}`, {
        path,
        ...(hint !== undefined && { hint }),
      });
    if (line.split('"').length % 2 === 0) throw tell('a quote is not closed');
    const cells = cellsOf(line, header.separator);
    if (cells.length !== header.width) {
      throw tell(`${cells.length} cells, and the first line names ${header.width} columns`);
    }
    at[row] = placeOf(header, cells, row, tell);
    if (header.by === 'time' && row > 0 && at[row] < at[row - 1]!) {
      throw tell(`time goes back from ${at[row - 1]!} to ${at[row]} s`, 'sort the rows by time');
    }
    columns.forEach(({ name, kind }, i) => {
      const value = numberOf(cells[header.places[i]!]!, (message, hint) =>
        tell(`${name}: ${message}`, hint),
      );
      if (kind === 'key' && !Number.isNaN(value) && value !== 0 && value !== 1) {
        throw tell(`${name} is ${value}, and a key is 0 or 1`, `of other numbers, make it an axis`);
      }
      const range = ranges[i];
      if (range && (value < range[0] || value > range[1])) {
        throw tell(
          `${name} is ${value}, outside its range of ${range[0]} to ${range[1]}`,
          `give data.actions.columns.${name} another range`,
        );
      }
      values[row * columns.length + i] = range ? scaled(value, range) : value;
    });
  });
  const table = { path, by: header.by, at, values, unused: header.unused };
  const isSorted = at.every((place, row) => row === 0 || place >= at[row - 1]!);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { ...(isSorted ? table : sorted(table, columns.length)), sha256 };
}

/** −1 to 1; numbers that are so already stay what they are. */
const scaled = (value: number, [least, most]: readonly [number, number]): number =>
  least === -1 && most === 1 ? value : (2 * (value - least)) / (most - least) - 1;

function placeOf(
  { by, byAt }: Header,
  cells: readonly string[],
  row: number,
  tell: (message: string, hint?: string) => FrameloomError,
): number {
  if (by === 'row') return row;
  const value = numberOf(cells[byAt]!, (message, hint) => tell(`${by}: ${message}`, hint));
  if (Number.isNaN(value)) throw tell(`there is no ${by}`);
  if (by === 'frame' && !Number.isInteger(value)) throw tell(`frame ${value} is no whole number`);
  return value;
}

/** By frame. */
function sorted(
  { at, values, ...table }: Omit<ActionTable, 'sha256'>,
  columns: number,
): Omit<ActionTable, 'sha256'> {
  const order = Array.from(at, (_, row) => row).sort((a, b) => at[a]! - at[b]!);
  return {
    ...table,
    at: Float64Array.from(order, (row) => at[row]!),
    values: Float32Array.from(
      order.flatMap((row) => [...values.subarray(row * columns, (row + 1) * columns)]),
    ),
  };
}

/**
 * Reads a clip's file of actions.
 * @param hint what names the file
 * @throws FrameloomError not-found; as parseActions
 */
export async function readActions(
  path: string,
  clip: string,
  rules: ActionRules,
  hint = 'data.actions.path names the CSV file of each clip',
): Promise<ActionTable> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new FrameloomError('not-found', `${clip} has no actions: ${path}: ${messageOf(error)}`, {
      path: clip,
      hint,
      cause: error,
    });
  }
  return parseActions(text, path, rules);
}
