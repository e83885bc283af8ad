import type { ActionColumn } from '../../../src/clips/types.js';
import type { App } from '../app.js';
import { Inputs } from '../input/held.js';
import { actionValues, mappedKeys, type Mapping } from '../input/mapping.js';
import { button, el } from './dom.js';
import { chosenMapping, keyCaps, MappingDialog } from './mapping-dialog.js';

/** Steers the world: keys, gamepads, and buttons and sliders of the page's own. */
export class Actions {
  readonly element = el('div', {
    class: 'actions',
    role: 'group',
    'aria-label': 'Actions',
    hidden: true,
  });
  readonly #dialog = new MappingDialog((mapping) => this.#map(mapping));
  readonly #app: App;
  readonly #world: HTMLElement;
  readonly #inputs = new Inputs();
  #columns: readonly ActionColumn[] = [];
  #mapping: Mapping = {};
  #keys: ReadonlySet<string> = new Set();
  #sent = '';
  #controls: readonly { name: string; show: (value: number) => void }[] = [];
  #isPolling = false;

  /** @param world a picture that takes the keys while it has the focus, where there is also something to draw */
  constructor(app: App, world: HTMLElement) {
    this.#app = app;
    this.#world = world;
    this.#inputs.isFor = (event) => this.takes(event);
    this.#inputs.onChange = () => this.#update();
    app.on('model', ({ layout }) => this.#build(layout.actions ?? []));
    addEventListener('gamepadconnected', ({ gamepad }) => {
      if (this.#columns.length > 0) app.emit('notice', `Gamepad: ${gamepad.id}`);
      this.#poll();
    });
  }

  get dialog(): HTMLDialogElement {
    return this.#dialog.element;
  }

  /** Whether a key is for the world. */
  takes(event: KeyboardEvent): boolean {
    if (!this.#keys.has(event.code) || this.dialog.open) return false;
    return this.#app.drawing === null || document.activeElement === this.#world;
  }

  #build(columns: readonly ActionColumn[]): void {
    this.#columns = columns;
    this.element.hidden = columns.length === 0;
    this.#sent = '';
    if (columns.length === 0) return;
    this.#world.tabIndex = 0;
    this.#map(chosenMapping(columns));
    this.#poll();
  }

  #map(mapping: Mapping): void {
    this.#mapping = mapping;
    this.#keys = mappedKeys(mapping);
    const controls = this.#columns.map((column) =>
      column.kind === 'key' ? this.#keyControl(column) : this.#axisControl(column),
    );
    this.#controls = controls;
    this.element.replaceChildren(
      ...controls.map(({ element }) => element),
      button({
        icon: 'pad',
        label: 'Keys and gamepad',
        onClick: () => this.dialog.showModal(),
      }),
    );
    this.#dialog.show(this.#columns, mapping);
    this.#update();
  }

  #keyControl({ name }: ActionColumn) {
    const control = el(
      'button',
      { type: 'button', class: 'button action', 'aria-pressed': 'false' },
      el('span', { class: 'label' }, name),
      keyCaps(this.#mapping[name]),
    );
    const hold = (isHeld: boolean): void => {
      if (isHeld) this.#inputs.touched.set(name, 1);
      else this.#inputs.touched.delete(name);
      this.#update();
    };
    control.addEventListener('pointerdown', (event) => {
      control.setPointerCapture(event.pointerId);
      hold(true);
    });
    for (const end of ['pointerup', 'pointercancel', 'blur'] as const) {
      control.addEventListener(end, () => hold(false));
    }
    control.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.repeat) hold(true);
    });
    control.addEventListener('keyup', (event) => {
      if (event.key === 'Enter') hold(false);
    });
    control.addEventListener('contextmenu', (event) => event.preventDefault());
    return {
      element: control,
      name,
      show: (value: number) => control.setAttribute('aria-pressed', String(value > 0)),
    };
  }

  #axisControl({ name, default: rest }: ActionColumn) {
    const input = el('input', {
      type: 'range',
      min: -1,
      max: 1,
      step: 0.01,
      value: rest,
      'aria-label': name,
    });
    const output = el('output', {}, '0.00');
    input.addEventListener('input', () => {
      this.#inputs.touched.set(name, Number(input.value));
      this.#update();
    });
    // Let go, as a stick that nobody pushes.
    const release = (): void => {
      this.#inputs.touched.delete(name);
      this.#update();
    };
    input.addEventListener('dblclick', release);
    for (const end of ['pointerup', 'pointercancel'] as const) {
      input.addEventListener(end, release);
    }
    return {
      element: el(
        'div',
        { class: 'action axis' },
        el('span', { class: 'label' }, name),
        input,
        output,
        keyCaps(this.#mapping[name]),
      ),
      name,
      show: (value: number) => {
        if (Number(input.value) !== value) input.value = String(value);
        input.style.setProperty('--share', `${50 * (value + 1)}%`);
        output.textContent = value.toFixed(2);
      },
    };
  }

  /** Sends what is held, where it is another than before. */
  #update(): void {
    const { client } = this.#app;
    if (this.#columns.length === 0 || !client) return;
    const values = actionValues(this.#columns, this.#mapping, this.#inputs);
    for (const { name, show } of this.#controls) show(values[name] ?? 0);
    const text = JSON.stringify(values);
    if (text === this.#sent) return;
    const isFirst = this.#sent === '';
    this.#sent = text;
    client.send({ type: 'actions', values });
    if (!isFirst && this.#app.drawing === null) this.#app.emit('drawn', this.#app.settings.tool);
  }

  /** Gamepads tell nothing by themselves: they are asked with each picture of the screen. */
  #poll(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    const tick = (): void => {
      const hasPad = navigator.getGamepads().some((pad) => pad !== null);
      if (this.#columns.length === 0 || !hasPad) {
        this.#isPolling = false;
        return;
      }
      this.#dialog.learnFrom(this.#inputs.pads);
      this.#update();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
}
