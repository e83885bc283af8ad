import type { ActionColumn } from '../../../src/clips/types.js';
import {
  bindingName,
  isOfPad,
  areOne,
  learnt,
  usualMapping,
  type Binding,
  type Held,
  type Mapping,
} from '../input/mapping.js';
import { button, el } from './dom.js';
import { remembered } from './remembered.js';

/** What moves each column: as a person chose it before, else as is usual. */
export function chosenMapping(columns: readonly ActionColumn[]): Mapping {
  const usual = usualMapping(columns);
  const chosen = remembered.mapping.get();
  return Object.fromEntries(columns.map(({ name }) => [name, chosen[name] ?? usual[name] ?? []]));
}

/** The first keys of a column, as they are printed on keyboards. */
export const keyCaps = (bindings: readonly Binding[] = []): HTMLElement =>
  el(
    'span',
    { class: 'keys', 'aria-hidden': 'true' },
    ...bindings
      .filter((each) => !isOfPad(each))
      .slice(0, 2)
      .map((binding) => el('kbd', {}, bindingName(binding))),
  );

/** Says which keys and which parts of a gamepad move which column, and has them changed. */
export class MappingDialog {
  readonly element: HTMLDialogElement;
  readonly #onMap: (mapping: Mapping) => void;
  readonly #rows = el('div', { class: 'mapping' });
  #columns: readonly ActionColumn[] = [];
  #mapping: Mapping = {};
  /** What the next key is for, while a column waits for one. */
  #learning: ((binding: Binding) => void) | null = null;

  /** @param onMap told of each change, which `show` is to be called with */
  constructor(onMap: (mapping: Mapping) => void) {
    this.#onMap = onMap;
    this.element = el(
      'dialog',
      { class: 'mapping-dialog', 'aria-labelledby': 'mapping-title' },
      el(
        'header',
        {},
        el('h2', { id: 'mapping-title' }, 'Keys and gamepad'),
        button({ icon: 'close', label: 'Close', onClick: () => this.element.close() }),
      ),
      this.#rows,
      button({
        icon: 'reset',
        label: 'As they were',
        showLabel: true,
        onClick: () => this.#onMap(usualMapping(this.#columns)),
      }),
    );
    this.element.addEventListener('close', () => (this.#learning = null));
    this.element.addEventListener('keydown', (event) => this.#learn(event));
  }

  /** Shows a mapping, which is kept for the next time. */
  show(columns: readonly ActionColumn[], mapping: Mapping): void {
    this.#columns = columns;
    this.#mapping = mapping;
    remembered.mapping.set({ ...remembered.mapping.get(), ...mapping });
    this.#showRows();
  }

  /** Takes what is pressed on a gamepad for a column that waits for it. */
  learnFrom(pads: Held['pads']): void {
    if (!this.#learning) return;
    for (const { buttons, axes } of pads) {
      const pressed = buttons.findIndex((value) => value > 0.5);
      if (pressed >= 0) return this.#learning(`Button${pressed}`);
      const pushed = axes.findIndex((value) => Math.abs(value) > 0.8);
      if (pushed >= 0) return this.#learning(`${axes[pushed]! < 0 ? '-' : '+'}Axis${pushed}`);
    }
  }

  #showRows(): void {
    this.#rows.replaceChildren(
      ...this.#columns.map(({ name, kind }) => {
        const waiting = el('span', { class: 'about', role: 'status' });
        const learn = (side: '' | '-' | '+'): void => {
          waiting.textContent = 'press a key, or a button of the gamepad …';
          this.#learning = (pressed) => {
            this.#learning = null;
            const binding = learnt(pressed, kind, side);
            // One thing moves one column.
            const others = Object.fromEntries(
              Object.entries(this.#mapping).map(([other, bindings]) => [
                other,
                bindings.filter((each) => !areOne(each, binding)),
              ]),
            );
            this.#onMap({ ...others, [name]: [...(others[name] ?? []), binding] });
          };
        };
        return el(
          'div',
          { class: 'mapping-row' },
          el('strong', {}, name),
          el(
            'span',
            { class: 'bindings' },
            ...(this.#mapping[name] ?? []).map((binding) =>
              button({
                label: bindingName(binding),
                class: 'small binding',
                onClick: () =>
                  this.#onMap({
                    ...this.#mapping,
                    [name]: this.#mapping[name]!.filter((each) => each !== binding),
                  }),
              }),
            ),
            waiting,
          ),
          ...(kind === 'key' ? ['' as const] : (['-', '+'] as const)).map((side) =>
            button({
              icon: 'add',
              label:
                side === '' ? `Another key for ${name}` : `A key that pulls ${name} to ${side}1`,
              class: 'small',
              onClick: () => learn(side),
            }),
          ),
        );
      }),
      el('p', { class: 'about' }, 'A click on a key takes it away.'),
    );
  }

  #learn(event: KeyboardEvent): void {
    if (!this.#learning) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Escape') {
      this.#learning = null;
      this.#showRows();
    } else this.#learning(event.code);
  }
}
