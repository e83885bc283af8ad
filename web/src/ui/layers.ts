import type { App } from '../app.js';
import { commonestClass } from '../draw/classes.js';
import { MOST_LAYERS, type Layer } from '../draw/drawing.js';
import { button, el, press, relabel, section } from './dom.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';

/** The sheets of the drawing, and what lies below them. */
export class Layers {
  readonly element: HTMLElement;
  readonly shortcuts: readonly Shortcut[];
  readonly #app: App;
  readonly #list = el('div', { class: 'layers', role: 'group', 'aria-label': 'Layers' });
  readonly #place = el('input', {
    type: 'range',
    min: 0,
    max: 0,
    value: 0,
    'aria-label': 'Frame of the clip',
  });
  readonly #below = el('select', { 'aria-label': 'What lies below all layers' });
  readonly #moves: HTMLButtonElement;
  #shown = '';
  #isDragging = false;

  constructor(app: App) {
    this.#app = app;
    this.#moves = button({
      icon: 'pause',
      label: 'Hold the map still',
      key: 'M',
      class: 'small',
      onClick: () => this.#toggle(),
    });
    const tools = el(
      'div',
      { class: 'row' },
      button({ icon: 'add', label: 'Add a layer', class: 'small', onClick: () => this.#add() }),
      button({
        icon: 'up',
        label: 'Move the layer up',
        class: 'small',
        onClick: () => app.drawing?.moveLayer(1),
      }),
      button({
        icon: 'down',
        label: 'Move the layer down',
        class: 'small',
        onClick: () => app.drawing?.moveLayer(-1),
      }),
      button({
        icon: 'trash',
        label: 'Delete the layer',
        class: 'small',
        onClick: () => app.drawing?.removeLayer(),
      }),
    );
    this.element = section(
      'Layers',
      this.#list,
      tools,
      el('div', { class: 'below' }, this.#below, this.#moves),
      this.#place,
    );
    this.element.classList.add('draws-only');
    this.#below.addEventListener('change', () => this.#choose(this.#below.value));
    this.#place.addEventListener('input', () => {
      this.#isDragging = true;
      this.#play(Number(this.#place.value));
    });
    this.#place.addEventListener('change', () => (this.#isDragging = false));
    app.on('changed', () => this.#show());
    app.on('drawing', () => this.#show());
    app.on('model', () => this.#showBelow());
    app.on('below', () => this.#showBelow());
    app.on('state', () => this.#showPlace());
    app.on('frame', () => this.#showPlace());
    this.shortcuts = [
      { keys: 'M', does: 'The clip’s map moves, or holds still', run: () => this.#toggle() },
      { keys: 'N', does: 'A new layer', run: () => this.#add() },
      {
        keys: 'PageUp or PageDown',
        does: 'The layer above or below',
        run: (index) => this.#walk(index === 0 ? 1 : -1),
      },
    ];
  }

  #add(): void {
    if (this.#app.drawing?.addLayer()) return;
    this.#app.emit('notice', `There are ${MOST_LAYERS} layers already: delete one first.`);
  }

  #walk(by: 1 | -1): void {
    const { drawing } = this.#app;
    if (!drawing) return;
    const at = drawing.layers.indexOf(drawing.active);
    const layer = drawing.layers[at + by];
    if (!layer) return;
    this.#app.painter?.drop();
    drawing.chooseLayer(layer.id);
    say(layer.name);
  }

  #show(): void {
    const { drawing } = this.#app;
    this.element.hidden = drawing === null;
    if (!drawing) return;
    const { layers, active } = drawing;
    const shown = [active.id, ...layers.map(({ id, name, visible }) => `${id}${name}${visible}`)];
    if (shown.join() === this.#shown) return;
    this.#shown = shown.join();
    const focused = this.#list.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset.of
      : undefined;
    // The uppermost comes first, as it lies.
    this.#list.replaceChildren(
      ...layers.toReversed().map((layer) => this.#row(layer, layer === active)),
    );
    if (focused !== undefined) {
      this.#list.querySelector<HTMLElement>(`[data-of="${focused}"]`)?.focus();
    }
  }

  #row(layer: Layer, isActive: boolean): HTMLElement {
    const { id, name, visible } = layer;
    const eye = button({
      icon: visible ? 'shown' : 'hidden',
      label: visible ? `Hide ${name}` : `Show ${name}`,
      class: 'small',
      onClick: () => this.#app.drawing?.showLayer(id, !visible),
    });
    const choose = button({
      label: name,
      toggles: true,
      class: 'layer-name',
      onClick: () => {
        this.#app.painter?.drop();
        this.#app.drawing?.chooseLayer(id);
      },
    });
    eye.dataset.of = `eye ${id}`;
    choose.dataset.of = `layer ${id}`;
    press(choose, isActive);
    return el('div', { class: `layer ${isActive ? 'active' : ''}` }, eye, choose);
  }

  #choose(value: string): void {
    const { composer, drawing, model } = this.#app;
    if (value.startsWith('clip')) composer.playClip(Number(value.slice(4)));
    else if (value === 'still') composer.hold();
    else if (drawing && model) {
      // What takes most of the map goes on lying there: the street does not become a black nothing.
      if (model.layout.content === 'labels') drawing.background = [commonestClass(drawing.below)];
      composer.plain();
    }
  }

  #toggle(): void {
    const { composer } = this.#app;
    if (composer.below.kind === 'clip') composer.hold();
    else if (this.#app.model?.clips.length) composer.playClip(this.#clip, composer.frame);
    this.#showBelow();
  }

  #clip = 0;

  #play(frame: number): void {
    this.#app.composer.playClip(this.#clip, frame);
  }

  #showBelow(): void {
    const { model, composer } = this.#app;
    if (!model) return;
    const { below } = composer;
    if (below.kind === 'clip') this.#clip = below.clip;
    const options = [
      ...model.clips.map(({ name }, clip) => ({ value: `clip${clip}`, text: `Clip: ${name}` })),
      { value: 'plain', text: model.layout.content === 'labels' ? 'One class' : 'Black' },
      ...(below.kind === 'still' ? [{ value: 'still', text: 'A map that stays' }] : []),
      ...(below.kind === 'pictures' ? [{ value: 'pictures', text: 'Pictures' }] : []),
    ];
    this.#below.replaceChildren(...options.map(({ value, text }) => el('option', { value }, text)));
    this.#below.value = below.kind === 'clip' ? `clip${below.clip}` : below.kind;
    const isPlaying = below.kind === 'clip';
    this.#moves.hidden = model.clips.length === 0;
    relabel(
      this.#moves,
      isPlaying ? 'pause' : 'play',
      isPlaying ? 'Hold the map still' : 'Let the map move',
    );
    const clip = model.clips[this.#clip];
    this.#place.hidden = !clip || below.kind === 'plain' || below.kind === 'pictures';
    this.#place.max = String(Math.max(0, (clip?.frames ?? 1) - 1));
    this.#showPlace();
  }

  #showPlace(): void {
    const { frame } = this.#app.composer;
    if (this.#isDragging) return;
    this.#place.value = String(frame);
    const share = frame / Math.max(1, Number(this.#place.max));
    this.#place.style.setProperty('--share', `${100 * share}%`);
  }
}
