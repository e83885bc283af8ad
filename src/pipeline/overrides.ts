import { parse } from 'yaml';
import { FrameloomError, messageOf } from '../base/error.js';

/** One `--set training.steps=500`, taken apart. */
export interface Override {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  /** As it was given, for messages. */
  readonly text: string;
}

type Container = Readonly<Record<string, unknown>> | readonly unknown[];

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads `a.b.0=value`; the value is YAML, so that `[1, 2]`, `true` and `{every: 2}` mean what they
 * mean in a file.
 * @throws FrameloomError bad-option
 */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const keys = text.slice(0, equals).split('.');
  if (equals < 1 || keys.some((key) => key.trim() === '')) {
    throw new FrameloomError('bad-option', `--set ${text} does not name a key and a value`, {
      hint: 'write it as --set training.steps=500',
    });
  }
  try {
    const value: unknown = parse(text.slice(equals + 1));
    const path = keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key.trim()));
    return { path, value, text: `--set ${text}` };
  } catch (error) {
    throw new FrameloomError('bad-option', `--set ${text}: ${firstLine(messageOf(error))}`, {
      hint: 'the value is read as YAML; put quotes round one with special characters',
      cause: error,
    });
  }
}

const firstLine = (text: string): string => text.split('\n')[0] ?? text;

function withValue(
  node: unknown,
  [key, ...rest]: readonly (string | number)[],
  override: Override,
  walked: string,
): unknown {
  if (key === undefined) return override.value;
  const here = walked === '' ? String(key) : `${walked}.${key}`;
  if (Array.isArray(node)) {
    const list = node as readonly unknown[];
    if (typeof key !== 'number' || key > list.length) {
      throw new FrameloomError('bad-option', `${override.text}: ${walked} has no item ${key}`, {
        hint: `it is a list of ${list.length}, counted from 0`,
      });
    }
    const changed = [...list];
    changed[key] = withValue(list[key], rest, override, here);
    return changed;
  }
  if (node !== undefined && node !== null && !isMap(node)) {
    throw new FrameloomError(
      'bad-option',
      `${override.text}: ${walked} is ${JSON.stringify(node)}, which has no keys`,
      { hint: `set the whole of ${walked}, as in --set '${walked}={…}'` },
    );
  }
  const map = node ?? {};
  const own = Object.hasOwn(map, key) ? (map as Record<string, unknown>)[String(key)] : undefined;
  // A computed key in a literal is always the map's own, `__proto__` too.
  return { ...map, [key]: withValue(own, rest, override, here) };
}

/**
 * Puts overrides into what a file said, in order, the original left as it was. Whether the keys
 * exist is the schema's to say, which then names the override.
 * @throws FrameloomError bad-option when a path leads through something that is not a map
 */
export function applyOverrides(raw: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce<unknown>(
    (node, override) => withValue(node, override.path, override, ''),
    raw as Container | undefined,
  );
}
