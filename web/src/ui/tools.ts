import type { App } from '../app.js';
import type { Tool } from '../draw/painter.js';
import { isEmpty } from '../draw/raster.js';
import { button, check, choice, el, field, press, section, slider } from './dom.js';
import type { IconName } from './icons.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';

const TOOLS: readonly { tool: Tool; label: string; key: string; icon: IconName }[] = [
  { tool: 'brush', label: 'Brush', key: 'B', icon: 'brush' },
  { tool: 'eraser', label: 'Eraser: back to what is below', key: 'E', icon: 'eraser' },
  { tool: 'line', label: 'Line', key: 'L', icon: 'line' },
  { tool: 'rectangle', label: 'Rectangle', key: 'R', icon: 'rectangle' },
  { tool: 'ellipse', label: 'Ellipse', key: 'O', icon: 'ellipse' },
  { tool: 'fill', label: 'Fill', key: 'F', icon: 'fill' },
  { tool: 'select', label: 'Select and move', key: 'S', icon: 'select' },
  { tool: 'stamp', label: 'Stamp what is selected', key: 'T', icon: 'stamp' },
  { tool: 'pick', label: 'Pick up from the drawing (or Alt and a click)', key: 'I', icon: 'pick' },
];

const MOST_SIZE = 64;

/** The tools beside the pictures, and what undoes. */
export class ToolRail {
  readonly element: HTMLElement;
  readonly shortcuts: readonly Shortcut[];
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
    const buttons = TOOLS.map(({ tool, label, key, icon }) => {
      const made = button({
        icon,
        label,
        key,
        toggles: true,
        class: 'tool',
        onClick: () => this.#choose(tool),
      });
      made.dataset.tool = tool;
      return made;
    });
    const undo = button({
      icon: 'undo',
      label: 'Undo',
      key: 'Ctrl+Z',
      onClick: () => this.#undo(),
    });
    const redo = button({
      icon: 'redo',
      label: 'Do again',
      key: 'Ctrl+Y',
      onClick: () => this.#redo(),
    });
    const clear = button({
      icon: 'trash',
      label: 'Clear the drawing',
      key: 'Ctrl+Backspace',
      onClick: () => this.#clear(),
    });
    this.element = el(
      'div',
      { class: 'rail', role: 'toolbar', 'aria-label': 'Tools', 'aria-orientation': 'vertical' },
      el('div', { class: 'rail-group' }, ...buttons),
      el('div', { class: 'rail-group' }, undo, redo, clear),
    );
    this.element.addEventListener('keydown', (event) => walk(event, this.element));
    app.on('tool', ({ tool }) => {
      for (const made of buttons) press(made, made.dataset.tool === tool);
    });
    const showHistory = (): void => {
      const { drawing } = app;
      undo.disabled = drawing?.history.undoes === null;
      redo.disabled = drawing?.history.redoes === null;
      clear.disabled = drawing?.isBlank ?? true;
    };
    app.on('changed', showHistory);
    app.on('drawing', showHistory);
    this.shortcuts = [
      ...TOOLS.map(({ tool, label, key }) => ({
        keys: key,
        does: label,
        run: () => this.#choose(tool),
      })),
      {
        keys: '[ or ]',
        does: 'Smaller or larger brush',
        run: (index) => this.#resize(index === 0 ? -1 : 1),
      },
      { keys: 'Ctrl+Z', does: 'Undo', run: () => this.#undo() },
      { keys: 'Ctrl+Y or Ctrl+Shift+Z', does: 'Do again', run: () => this.#redo() },
      { keys: 'Ctrl+A', does: 'Select everything', run: () => this.#selectAll() },
      { keys: 'Ctrl+C', does: 'Make the selection the stamp', run: () => this.#takeStamp() },
      { keys: 'H', does: 'Mirror the stamp', run: () => app.painter?.flipStamp() },
      {
        keys: 'Delete',
        does: 'Clear what is selected',
        run: () => app.painter?.deleteSelection(),
      },
      { keys: 'Ctrl+Backspace', does: 'Clear the drawing', run: () => this.#clear() },
    ];
  }

  #choose(tool: Tool): void {
    const { painter } = this.#app;
    if (tool === 'stamp' && painter && !isEmpty(painter.selection)) {
      this.#takeStamp();
      return;
    }
    if (tool === 'stamp' && !painter?.stamp) {
      this.#app.chooseTool('select');
      this.#app.emit('notice', 'Drag over what you want to stamp, then choose the stamp again.');
      return;
    }
    this.#app.chooseTool(tool);
    say(TOOLS.find((each) => each.tool === tool)?.label ?? tool);
  }

  #takeStamp(): void {
    const { painter } = this.#app;
    if (!painter?.takeStamp()) {
      this.#app.emit('notice', 'Nothing is selected: press S and drag over a part of the drawing.');
      return;
    }
    this.#app.emit('tool', this.#app.settings);
    say('Stamp taken: click where you want it');
  }

  #selectAll(): void {
    this.#app.chooseTool('select');
    this.#app.painter?.selectAll();
  }

  #resize(direction: 1 | -1): void {
    const { size } = this.#app.settings;
    const by = Math.max(1, Math.round(size / 6));
    this.#app.set({ size: Math.min(MOST_SIZE, Math.max(1, size + direction * by)) });
  }

  #undo(): void {
    const { painter } = this.#app;
    if (painter?.isDown) {
      painter.cancel();
      say('Taken back');
      return;
    }
    // What is carried is put down, so that its way is one step, and no other is taken back with it.
    painter?.drop();
    const what = this.#app.drawing?.undo();
    say(what ? `Undone: ${what}` : 'Nothing to undo');
  }

  #redo(): void {
    const { painter } = this.#app;
    if (painter?.isDown) return;
    painter?.drop();
    const what = this.#app.drawing?.redo();
    say(what ? `Done again: ${what}` : 'Nothing to do again');
  }

  #clear(): void {
    this.#app.painter?.drop();
    this.#app.drawing?.clear(true);
    say('Cleared');
  }
}

/** Arrow keys go from tool to tool, as in every toolbar. */
function walk(event: KeyboardEvent, toolbar: HTMLElement): void {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (by === undefined) return;
  const buttons = [...toolbar.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  if (at < 0) return;
  event.preventDefault();
  event.stopPropagation();
  buttons[(at + by + buttons.length) % buttons.length]?.focus();
}

/** How the chosen tool draws. */
export function toolOptions(app: App): HTMLElement {
  const size = slider({
    name: 'Size',
    least: 1,
    most: MOST_SIZE,
    value: app.settings.size,
    shown: (value) => `${value} px`,
    onInput: (value) => app.set({ size: value }),
  });
  const shape = choice(
    'Brush shape',
    [
      { value: 'round', label: 'Round', icon: 'ellipse' },
      { value: 'square', label: 'Square', icon: 'rectangle' },
    ],
    (value) => app.set({ shape: value }),
  );
  const filled = check('Filled', true, (isOn) => app.set({ filled: isOn }));
  const cutOut = check('Leave its background out', true, (isOn) => app.set({ cutOut: isOn }));
  const pressure = check('A pen’s pressure is its width', true, (isOn) =>
    app.set({ pressure: isOn }),
  );
  // Only a pen has pressure: where none was seen there is nothing to choose.
  const pen = el('div', { 'data-for': 'brush eraser', 'data-pen': true }, pressure.element);
  let hasPen = false;
  addEventListener('pointerdown', ({ pointerType }) => {
    if (hasPen || pointerType !== 'pen') return;
    hasPen = true;
    app.emit('tool', app.settings);
  });
  const tolerance = slider({
    name: 'Tolerance',
    least: 0,
    most: 128,
    value: 0,
    onInput: (value) => app.set({ tolerance: value }),
  });
  const flip = button({
    icon: 'flip',
    label: 'Mirror the stamp',
    showLabel: true,
    onClick: () => app.painter?.flipStamp(),
  });
  const about = el('p', { class: 'about' });
  const made = section(
    'Tool',
    el('div', { 'data-for': 'brush eraser line' }, field('Shape', shape.element)),
    el('div', { 'data-for': 'brush eraser line rectangle ellipse' }, size.element),
    el('div', { 'data-for': 'rectangle ellipse' }, filled.element),
    el('div', { 'data-for': 'fill', 'data-image': true }, tolerance.element),
    el('div', { 'data-for': 'select stamp' }, cutOut.element),
    el('div', { 'data-for': 'stamp' }, flip),
    pen,
    about,
  );
  made.classList.add('draws-only');
  const words: Partial<Readonly<Record<Tool, string>>> = {
    eraser: 'Takes paint away: what is below shows again.',
    fill: 'Fills what hangs together and looks alike.',
    select: 'Drag a frame, then drag it away. With Alt it is copied.',
    stamp: 'Click to put the stamp down.',
    pick: 'Click on the drawing to take what lies there.',
    line: 'Shift keeps it straight.',
    rectangle: 'Shift makes it a square.',
    ellipse: 'Shift makes it a circle.',
  };
  app.on('tool', (settings) => {
    size.set(settings.size);
    shape.set(settings.shape);
    filled.set(settings.filled);
    cutOut.set(settings.cutOut);
    pressure.set(settings.pressure);
    about.textContent = words[settings.tool] ?? '';
    about.hidden = words[settings.tool] === undefined;
    const isImage = app.model?.layout.content === 'image';
    for (const row of made.querySelectorAll<HTMLElement>('[data-for]')) {
      row.hidden =
        !row.dataset.for?.split(' ').includes(settings.tool) ||
        (row.dataset.image !== undefined && !isImage) ||
        (row.dataset.pen !== undefined && !hasPen);
    }
  });
  return made;
}
