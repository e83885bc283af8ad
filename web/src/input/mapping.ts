import type { ActionColumn } from '../../../src/clips/types.js';

/**
 * What moves a column: `ArrowLeft` a key by its place on the keyboard, `Button14` and `Axis0` of a gamepad.
 * Of an axis a key or a button pulls to one end, and says to which in front: `-ArrowLeft`, `+ArrowRight`.
 * Of a key `+Axis0` and `-Axis0` are a stick that is pushed to one side.
 */
export type Binding = string;
export type Mapping = Readonly<Record<string, readonly Binding[]>>;

/** What is held down now. */
export interface Held {
  /** Codes of keys. */
  readonly keys: ReadonlySet<string>;
  readonly pads: readonly {
    readonly buttons: readonly number[];
    readonly axes: readonly number[];
  }[];
  /** Of the page's own buttons and sliders, by the columns' names. */
  readonly touched: ReadonlyMap<string, number>;
}

/** How far a stick is let stray where nobody pushes it, and from where it counts as pushed. */
const DEAD = 0.14;
const PUSHED = 0.5;

/** Keys and pads that people expect of a name; the first that fits. */
const USUAL: readonly (readonly [RegExp, readonly Binding[]])[] = [
  [/left|west/, ['ArrowLeft', 'KeyA', 'Button14', '-Axis0']],
  [/right|east/, ['ArrowRight', 'KeyD', 'Button15', '+Axis0']],
  [/up|forward|north|gas|accelerate/, ['ArrowUp', 'KeyW', 'Button12', '-Axis1']],
  [/down|back|south|brake|duck|crouch/, ['ArrowDown', 'KeyS', 'Button13', '+Axis1']],
  [/jump/, ['Space', 'Button0']],
  [/fire|shoot|attack|action/, ['KeyX', 'Button2']],
  [/run|sprint|dash/, ['ShiftLeft', 'Button1']],
  [/use|interact/, ['KeyE', 'Button3']],
];
const USUAL_AXES: readonly (readonly [RegExp, readonly Binding[]])[] = [
  [
    /throttle|speed|forward|y$|vertical|pitch/,
    ['-ArrowDown', '+ArrowUp', '-KeyS', '+KeyW', 'Axis1'],
  ],
  [/steer|turn|x$|horizontal|yaw|wheel/, ['-ArrowLeft', '+ArrowRight', '-KeyA', '+KeyD', 'Axis0']],
];
/** For what has no usual keys, in order. */
const SPARE = ['KeyJ', 'KeyK', 'KeyL', 'KeyU', 'KeyI', 'KeyO', 'KeyZ', 'KeyC', 'KeyV', 'KeyB'];

/** Keys and pads for columns that nobody has chosen any for: each thing moves one column only. */
export function usualMapping(columns: readonly ActionColumn[]): Mapping {
  const taken: Binding[] = [];
  const spare = [...SPARE];
  const free = (bindings: readonly Binding[]): Binding[] => {
    const own = bindings.filter((binding) => !taken.some((other) => areOne(binding, other)));
    taken.push(...own);
    return own;
  };
  return Object.fromEntries(
    columns.map(({ name, kind }) => {
      const usual = (kind === 'axis' ? USUAL_AXES : USUAL).find(([words]) =>
        words.test(name.toLowerCase()),
      );
      const bindings = free(usual?.[1] ?? []);
      while (
        !bindings.some((binding) => !isOfPad(binding)) &&
        spare.length > (kind === 'axis' ? 1 : 0)
      ) {
        bindings.push(
          ...(kind === 'axis'
            ? free([`-${spare.shift()!}`, `+${spare.shift()!}`])
            : free([spare.shift()!])),
        );
      }
      return [name, bindings];
    }),
  );
}

const unsided = (binding: Binding): string => binding.replace(/^[+-]/, '');

/** Whether two bindings are of one thing, which can move one column only. The two sides of a stick are two things. */
export function areOne(a: Binding, b: Binding): boolean {
  const areSides = [a, b].every((binding) => /^[+-]Axis/.test(binding));
  return areSides ? a === b : unsided(a) === unsided(b);
}

/**
 * What was pressed for a column, as it is bound to it: of a key a stick is the side that it was pushed to, of an axis
 * all of it.
 * @param pressed a code of a key, `Button2`, or the side of a stick as `-Axis0`
 * @param side which end of an axis was asked for; none of a key
 */
export function learnt(pressed: Binding, kind: 'key' | 'axis', side: '' | '-' | '+'): Binding {
  if (kind === 'key') return pressed;
  return pressed.includes('Axis') ? unsided(pressed) : `${side}${pressed}`;
}

export const isOfPad = (binding: Binding): boolean => /Button|Axis/.test(binding);

const PARTS = /^([+-]?)(Button|Axis)?(\w+)$/;

/** How far a binding pulls: 0–1 of what has one side, −1 to 1 of a whole axis. */
function pullOf(binding: Binding, { keys, pads }: Held): number {
  const [, side, kind, rest = ''] = PARTS.exec(binding) ?? [];
  const sign = side === '-' ? -1 : 1;
  if (kind === undefined) return keys.has(rest) ? (side === '' ? 1 : sign) : 0;
  const index = Number(rest);
  const values = pads.map(({ buttons, axes }) => (kind === 'Button' ? buttons : axes)[index] ?? 0);
  const value = values.reduce((far, each) => (Math.abs(each) > Math.abs(far) ? each : far), 0);
  if (kind === 'Button') return value > PUSHED ? (side === '' ? 1 : sign) : 0;
  if (side !== '') return value * sign > PUSHED ? sign : 0;
  return Math.abs(value) < DEAD ? 0 : value;
}

/** What each column is now: keys 0 or 1, axes −1 to 1. */
export function actionValues(
  columns: readonly ActionColumn[],
  mapping: Mapping,
  held: Held,
): Record<string, number> {
  return Object.fromEntries(
    columns.map(({ name, kind, default: rest }) => {
      const pulls = (mapping[name] ?? []).map((binding) => pullOf(binding, held));
      const touched = held.touched.get(name);
      if (kind === 'key') {
        const isHeld = touched !== undefined || pulls.some((pull) => pull !== 0);
        return [name, isHeld ? 1 : rest];
      }
      const pull = pulls.reduce((sum, each) => sum + each, 0);
      const value = pull === 0 ? (touched ?? rest) : pull;
      return [name, Math.min(1, Math.max(-1, value))];
    }),
  );
}

/** Codes of the keys that a mapping takes away from the page's own. */
export const mappedKeys = (mapping: Mapping): Set<string> =>
  new Set(
    Object.values(mapping)
      .flat()
      .flatMap((binding) => {
        const [, , kind, rest] = PARTS.exec(binding) ?? [];
        return kind === undefined && rest !== undefined ? [rest] : [];
      }),
  );

const ARROWS: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
};

/** What a gamepad of the usual kind calls its parts (W3C Gamepad, "standard" layout). */
const PAD: Readonly<Record<string, string>> = {
  Button12: 'pad ↑',
  Button13: 'pad ↓',
  Button14: 'pad ←',
  Button15: 'pad →',
  Axis0: 'stick ↔',
  '-Axis0': 'stick ←',
  '+Axis0': 'stick →',
  Axis1: 'stick ↕',
  '-Axis1': 'stick ↑',
  '+Axis1': 'stick ↓',
};

/** A binding for people. */
export function bindingName(binding: Binding): string {
  const [, side = '', kind, rest = ''] = PARTS.exec(binding) ?? [];
  if (kind !== undefined) return PAD[binding] ?? `pad ${kind.toLowerCase()} ${rest}${side}`;
  const key = ARROWS[rest] ?? rest.replace(/^(Key|Digit)/, '').replace(/(Left|Right)$/, '');
  return `${side === '-' ? '−' : side}${key}`;
}
