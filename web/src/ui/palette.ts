import { classColoursOf } from '../../../src/clips/class-colours.js';
import type { ConditionLayout } from '../../../src/clips/types.js';
import type { App } from '../app.js';
import { searchClasses } from '../draw/classes.js';
import { button, el, press, section, slider } from './dom.js';
import { say } from './notices.js';
import { digits, type Shortcut } from './shortcuts.js';

/** From so many classes on one searches for them. */
const MANY = 12;

type Rgb = readonly [number, number, number];
const css = (rgb: readonly number[]): string => `rgb(${rgb.join(' ')})`;
const hex = (rgb: readonly number[]): string =>
  `#${rgb.map((level) => level.toString(16).padStart(2, '0')).join('')}`;

/** What an ink looks like. */
function colourOf(ink: readonly number[], layout: ConditionLayout): string {
  if (layout.content === 'labels') return css(classColoursOf(layout)[ink[0]!] ?? [0, 0, 0]);
  return css(ink.length === 3 ? ink : [ink[0]!, ink[0]!, ink[0]!]);
}

/** What one draws with now, above the drawing. */
export function inkLine(app: App): HTMLElement {
  const chip = el('span', { class: 'chip' });
  const name = el('span', {}, '');
  const line = el('span', { class: 'ink' }, chip, name);
  const show = (): void => {
    const { model, settings } = app;
    const [level] = settings.ink;
    if (!model || level === undefined) return;
    const { layout } = model;
    chip.hidden = settings.tool === 'eraser';
    chip.style.background = colourOf(settings.ink, layout);
    if (settings.tool === 'eraser') name.textContent = 'eraser';
    else if (layout.content === 'labels') {
      name.textContent = layout.classNames[level] ?? `class ${level}`;
    } else name.textContent = settings.ink.length === 3 ? hex(settings.ink) : `level ${level}`;
  };
  app.on('tool', show);
  app.on('model', show);
  return line;
}

/** What one draws with: a class by its name and colour, a level of grey, or a colour. */
export class Palette {
  readonly element: HTMLElement;
  readonly shortcuts: readonly Shortcut[];
  readonly #app: App;
  readonly #body: HTMLElement;
  #search: HTMLInputElement | null = null;
  /** What the digits choose. */
  #inks: readonly (readonly number[])[] = [];
  #show: () => void = () => undefined;

  constructor(app: App) {
    this.#app = app;
    this.#body = el('div', { class: 'palette' });
    this.element = section('Draw with', this.#body);
    app.on('model', ({ layout }) => this.#build(layout));
    app.on('tool', () => this.#show());
    this.shortcuts = [
      {
        keys: digits,
        does: 'The first nine of the palette',
        run: (index) => {
          const ink = this.#inks[index];
          if (ink) this.#choose(ink);
        },
      },
      { keys: '/', does: 'Search the palette', run: () => this.#search?.focus() },
    ];
  }

  #build(layout: ConditionLayout): void {
    this.element.hidden = layout.content === 'none';
    this.#search = null;
    if (layout.content === 'labels') this.#buildClasses(layout);
    else if (layout.bytesPerPixel === 1) this.#buildGrey();
    else if (layout.bytesPerPixel === 3) this.#buildColour();
    this.#show();
  }

  #choose(ink: readonly number[]): void {
    this.#app.chooseInk(ink);
    const { model } = this.#app;
    if (model?.layout.content === 'labels')
      say(model.layout.classNames[ink[0]!] ?? `class ${ink[0]!}`);
  }

  #buildClasses(layout: ConditionLayout): void {
    const colours = classColoursOf(layout);
    const names = colours.map((_, id) => layout.classNames[id] ?? `class ${id}`);
    const list = el('div', { class: 'swatches', role: 'group', 'aria-label': 'Classes' });
    const swatch = (id: number, at: number): HTMLButtonElement => {
      const made = el(
        'button',
        { type: 'button', class: 'swatch', 'aria-pressed': 'false', 'data-class': id },
        el('span', { class: 'chip' }),
        el('span', { class: 'name' }, names[id]),
        at < 9 && el('kbd', { 'aria-hidden': 'true' }, String(at + 1)),
      );
      (made.firstElementChild as HTMLElement).style.background = css(colours[id]!);
      made.addEventListener('click', () => this.#choose([id]));
      return made;
    };
    const fill = (): void => {
      const ids = searchClasses(names, this.#search?.value ?? '');
      this.#inks = ids.map((id) => [id]);
      list.replaceChildren(
        ...ids.map(swatch),
        ...(ids.length === 0 ? [el('p', { class: 'about' }, 'No class of that name.')] : []),
      );
      this.#show();
    };
    if (names.length > MANY) {
      const search = el('input', {
        type: 'search',
        placeholder: `Search ${names.length} classes`,
        'aria-label': 'Search the classes',
        spellcheck: 'false',
        autocomplete: 'off',
      });
      search.addEventListener('input', fill);
      search.addEventListener('keydown', (event) => {
        const [first] = this.#inks;
        if (event.key === 'Enter' && first) this.#choose(first);
        if (event.key !== 'Enter' && event.key !== 'Escape') return;
        search.value = '';
        fill();
        search.blur();
      });
      this.#search = search;
    }
    this.#body.replaceChildren(...(this.#search ? [this.#search] : []), list);
    this.#show = () => {
      const [id] = this.#app.settings.ink;
      for (const made of list.querySelectorAll<HTMLElement>('.swatch')) {
        press(made, Number(made.dataset.class) === id);
      }
    };
    fill();
  }

  #buildGrey(): void {
    const levels = [255, 192, 128, 64, 0];
    const row = this.#row(levels.map((level): Rgb => [level, level, level]));
    this.#inks = levels.map((level) => [level]);
    const level = slider({
      name: 'Level',
      least: 0,
      most: 255,
      value: 255,
      onInput: (value) => this.#app.chooseInk([value]),
    });
    this.#body.replaceChildren(row, level.element);
    this.#show = () => {
      level.set(this.#app.settings.ink[0] ?? 0);
      this.#pressRow(row);
    };
  }

  #buildColour(): void {
    const colours: readonly Rgb[] = [
      [255, 255, 255],
      [0, 0, 0],
      [208, 64, 52],
      [232, 150, 50],
      [240, 210, 80],
      [88, 160, 80],
      [70, 150, 200],
      [60, 80, 160],
      [140, 100, 70],
      [128, 128, 128],
    ];
    this.#inks = colours;
    const row = this.#row(colours);
    const picker = el('input', { type: 'color', 'aria-label': 'Another colour' });
    picker.addEventListener('input', () => {
      const value = Number.parseInt(picker.value.slice(1), 16);
      this.#app.chooseInk([value >> 16, (value >> 8) & 255, value & 255]);
    });
    row.append(picker);
    this.#body.replaceChildren(row);
    this.#show = () => {
      const { ink } = this.#app.settings;
      if (ink.length === 3) picker.value = hex(ink);
      this.#pressRow(row);
    };
  }

  #row(colours: readonly Rgb[]): HTMLElement {
    const depth = this.#app.model?.layout.bytesPerPixel ?? 3;
    return el(
      'div',
      { class: 'colours', role: 'group', 'aria-label': 'Colours' },
      ...colours.map((colour) => {
        const made = button({
          label: depth === 1 ? `Grey ${colour[0]}` : hex(colour),
          toggles: true,
          class: 'colour',
          showLabel: false,
          onClick: () => this.#choose(colour.slice(0, depth)),
        });
        made.style.setProperty('--ink', css(colour));
        made.dataset.ink = colour.slice(0, depth).join();
        return made;
      }),
    );
  }

  #pressRow(row: HTMLElement): void {
    for (const made of row.querySelectorAll<HTMLElement>('[data-ink]')) {
      press(made, made.dataset.ink === this.#app.settings.ink.join());
    }
  }
}
