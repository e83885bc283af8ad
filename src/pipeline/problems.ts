import type { z } from 'zod';
import { expectedAt, keysAt, wordsAt } from './json-schema.js';
import { nearest } from './nearest.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** One thing that is wrong, and where in the pipeline. */
export interface Problem {
  readonly path: Path;
  /** For an unknown key: itself, since its line is not its map's. */
  readonly key?: string;
  readonly message: string;
}

export const dotted = (path: Path): string => path.map(String).join('.');

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (node, key) =>
      typeof node === 'object' && node !== null && Object.hasOwn(node, key)
        ? (node as Record<PropertyKey, unknown>)[key]
        : undefined,
    raw,
  );
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a map';
  // JSON has no word for the infinities and for what is no number.
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

function unknownKey(path: Path, key: string): Problem {
  const known = keysAt(path);
  const meant = nearest(key, known);
  const where = dotted([...path, key]);
  const elsewhere = meant === undefined ? findElsewhere(key) : undefined;
  const hint =
    meant !== undefined
      ? `; did you mean ${meant}?`
      : elsewhere !== undefined
        ? `; did you mean ${elsewhere}?`
        : known.length > 0
          ? `; known are ${known.join(', ')}`
          : '';
  return { path, key, message: `${where}: unknown key${hint}` };
}

/** A key that was put into the wrong section. */
function findElsewhere(key: string): string | undefined {
  for (const section of keysAt([])) {
    if (keysAt([section]).includes(key)) return `${section}.${key}`;
  }
  return keysAt([]).includes(key) ? key : undefined;
}

function expected(issue: Issue, path: Path, raw: unknown): Problem {
  const value = valueAt(raw, path);
  const words = typeof value === 'string' ? wordsAt(path) : [];
  const meant = typeof value === 'string' ? nearest(value, words) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  const wanted =
    issue.code === 'too_small' && issue.origin === 'array'
      ? `at least ${issue.minimum} items`
      : issue.code === 'too_big' && issue.origin === 'array'
        ? `at most ${issue.maximum} items`
        : issue.code === 'too_small' && issue.origin === 'string'
          ? 'a text that is not empty'
          : expectedAt(path);
  return { path, message: `${dotted(path)}: expected ${wanted}, got ${show(value)}${hint}` };
}

/** Of a union's branches the one that was probably meant: wrong deep inside, not at its door. */
function likelyBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]): number =>
    Math.max(
      0,
      ...issues.map((issue) => issue.path.length + Number(issue.code !== 'invalid_type')),
    );
  const deep = branches.filter((issues) =>
    issues.every(
      ({ path, code }) => path.length > 0 || code === 'unrecognized_keys' || code === 'custom',
    ),
  );
  return [...deep].sort((a, b) => a.length - b.length || depth(b) - depth(a))[0];
}

function fromIssue(issue: Issue, base: Path, raw: unknown): Problem[] {
  const path = [...base, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key));
    case 'invalid_union': {
      if (issue.message !== 'Invalid input' && issue.errors.length > 0) {
        const meaningful = typeof valueAt(raw, path) === 'string';
        if (meaningful) return [{ path, message: `${dotted(path)}: ${issue.message}` }];
      }
      const branch = likelyBranch(issue.errors);
      if (branch) return branch.flatMap((inner) => fromIssue(inner, path, raw));
      return [expected(issue, path, raw)];
    }
    case 'custom':
      return [{ path, message: `${dotted(path)}: ${issue.message}` }];
    case 'invalid_key': {
      // Of a map whose keys are free within a pattern: it is the key that is wrong, whatever its value.
      const why = issue.issues[0]?.message ?? 'cannot be a key';
      const key = String(path.at(-1));
      const message = `${dotted(path.slice(0, -1))}: ${JSON.stringify(key)} ${why}`;
      return [{ path: path.slice(0, -1), key, message }];
    }
    case 'invalid_format':
      return [
        { path, message: `${dotted(path)}: ${issue.message}, got ${show(valueAt(raw, path))}` },
      ];
    default:
      return [expected(issue, path, raw)];
  }
}

/** Every zod issue as one clear line's worth, `training.steps: expected a whole number ≥ 1, …`. */
export function problemsOf(error: z.ZodError, raw: unknown): Problem[] {
  const problems = error.issues.flatMap((issue) => fromIssue(issue, [], raw));
  const seen = new Set<string>();
  return problems.filter(({ message }) => !seen.has(message) && seen.add(message));
}
