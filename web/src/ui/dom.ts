import { ICONS, type IconName } from './icons.js';

type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;
type Child = Node | string | null | undefined | false;

/**
 * An element with attributes and children. `true` writes an attribute without value; null, undefined and
 * false leave it out. There are no styles among them: the page's policy forbids such.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => isChild(child)));
  return element;
}

const isChild = (child: Child): child is Node | string =>
  child !== null && child !== undefined && child !== false;

const SVG = 'http://www.w3.org/2000/svg';

/** A drawing of 24 by 24 in the colour of the text. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path');
    // What begins with ! is filled and has no outline.
    const isSolid = d.startsWith('!');
    path.setAttribute('d', isSolid ? d.slice(1) : d);
    path.setAttribute('class', isSolid ? 'solid' : 'line');
    svg.append(path);
  }
  return svg;
}

export interface ButtonParts {
  readonly icon?: IconName | undefined;
  /** What it does: its label for screen readers, and its text unless it shows the icon alone. */
  readonly label: string;
  readonly showLabel?: boolean | undefined;
  /** The key that does the same, shown in its title. */
  readonly key?: string | undefined;
  readonly class?: string | undefined;
  /** Whether it stays pressed. */
  readonly toggles?: boolean | undefined;
  readonly onClick: (event: MouseEvent) => void;
}

export function button({
  icon: iconName,
  label,
  showLabel = iconName === undefined,
  key,
  class: className = '',
  toggles = false,
  onClick,
}: ButtonParts): HTMLButtonElement {
  const made = el(
    'button',
    {
      type: 'button',
      class: `button ${showLabel ? '' : 'icon-only'} ${className}`.trim(),
      title: key === undefined ? (showLabel ? null : label) : `${label} (${key})`,
      'aria-label': showLabel ? null : label,
      'aria-keyshortcuts': key === undefined || key.length > 1 ? null : key,
      'aria-pressed': toggles ? 'false' : null,
    },
    iconName && icon(iconName),
    showLabel && el('span', { class: 'label' }, label),
  );
  made.addEventListener('click', onClick);
  return made;
}

/** Another picture and name for a button that now does something else. */
export function relabel(target: HTMLButtonElement, name: IconName, label: string): void {
  const text = target.querySelector('.label');
  if ((text?.textContent ?? target.getAttribute('aria-label')) === label) return;
  target.querySelector('svg')?.replaceWith(icon(name));
  if (text) text.textContent = label;
  else target.setAttribute('aria-label', label);
  // The key that does the same stays behind it.
  const [key = ''] = / \([^()]*\)$/.exec(target.title) ?? [];
  target.title = `${label}${key}`;
}

export const press = (target: HTMLElement, isPressed: boolean): void =>
  target.setAttribute('aria-pressed', String(isPressed));

/** A part of the panel with a heading; the parts can be folded. */
export function section(title: string, ...children: readonly Child[]): HTMLDetailsElement {
  return el(
    'details',
    { class: 'section', open: true },
    el('summary', {}, title),
    el('div', { class: 'section-body' }, ...children),
  );
}

let numbered = 0;
/** An id that no other element has. */
export const freshId = (): string => {
  numbered += 1;
  return `f${numbered}`;
};

/** A control below its name. */
export function field(name: string, control: HTMLElement, ...after: readonly Child[]): HTMLElement {
  const isLabelled = control instanceof HTMLInputElement || control instanceof HTMLSelectElement;
  if (isLabelled) control.id ||= freshId();
  return el(
    'div',
    { class: 'field' },
    isLabelled
      ? el('label', { for: control.id }, name)
      : el('span', { class: 'field-name', 'aria-hidden': 'true' }, name),
    el('div', { class: 'control' }, control, ...after),
  );
}

export interface SliderParts {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly step?: number | undefined;
  readonly value: number;
  /** How a value is written beside it. */
  readonly shown?: ((value: number) => string) | undefined;
  readonly onInput: (value: number) => void;
}

/** A slider with its name and its value; `set` moves it without calling back. */
export function slider(parts: SliderParts): { element: HTMLElement; set: (value: number) => void } {
  const { name, least, most, step = 1, value, shown = String, onInput } = parts;
  const input = el('input', { type: 'range', min: least, max: most, step, value });
  const output = el('output', {}, shown(value));
  const paint = (): void => {
    const share = (Number(input.value) - least) / Math.max(1e-9, most - least);
    input.style.setProperty('--share', `${100 * share}%`);
    output.textContent = shown(Number(input.value));
    input.setAttribute('aria-valuetext', shown(Number(input.value)));
  };
  input.addEventListener('input', () => {
    paint();
    onInput(Number(input.value));
  });
  paint();
  return {
    element: field(name, input, output),
    set: (to) => {
      input.value = String(to);
      paint();
    },
  };
}

/** One of several, as buttons in a row. */
export function choice<T extends string>(
  name: string,
  options: readonly { readonly value: T; readonly label: string; readonly icon?: IconName }[],
  onChoose: (value: T) => void,
): { element: HTMLElement; set: (value: T) => void } {
  const buttons = options.map(({ value, label, icon: iconName }) =>
    button({ label, icon: iconName, toggles: true, onClick: () => onChoose(value) }),
  );
  const element = el('div', { class: 'choice', role: 'group', 'aria-label': name }, ...buttons);
  return {
    element,
    set: (value) => buttons.forEach((made, at) => press(made, options[at]?.value === value)),
  };
}

/** A switch with its name. */
export function check(
  name: string,
  isOn: boolean,
  onChange: (isOn: boolean) => void,
): { element: HTMLElement; set: (isOn: boolean) => void } {
  const input = el('input', { type: 'checkbox', checked: isOn, role: 'switch' });
  input.addEventListener('change', () => onChange(input.checked));
  return {
    element: el('label', { class: 'check' }, input, el('span', {}, name)),
    set: (to) => (input.checked = to),
  };
}
