import { isFrameloomError, messageOf } from '../../../src/base/error.js';
import type { App } from '../app.js';
import type { ServerApi } from '../session/api.js';
import { download } from '../session/pictures.js';
import { fileOf, layersOf } from '../session/saved-drawing.js';
import { button, el, section } from './dom.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';
import { tellInexact, type Sources } from './sources.js';

/** Saves what is drawn and opens it again: by name on the server, or as a file of the person's own. */
export class Drawings {
  readonly element: HTMLElement;
  readonly dialog: HTMLDialogElement;
  readonly shortcuts: readonly Shortcut[];
  readonly #app: App;
  readonly #api: ServerApi | null;
  readonly #sources: Sources;
  readonly #name = el('input', {
    type: 'text',
    value: 'drawing',
    maxlength: 80,
    'aria-label': 'Name of the drawing',
    spellcheck: 'false',
    autocomplete: 'off',
  });
  readonly #list = el('ul', { class: 'files' });

  constructor(app: App, api: ServerApi | null, sources: Sources) {
    this.#app = app;
    this.#api = api;
    this.#sources = sources;
    this.element = section(
      'File',
      el(
        'div',
        { class: 'row' },
        this.#name,
        button({
          icon: 'save',
          label: 'Save the drawing',
          key: 'Ctrl+S',
          onClick: () => void this.#save(),
        }),
        button({
          icon: 'open',
          label: 'Open a drawing',
          key: 'Ctrl+O',
          onClick: () => void this.#open(),
        }),
      ),
    );
    this.dialog = el(
      'dialog',
      { class: 'drawings', 'aria-labelledby': 'drawings-title' },
      el(
        'header',
        {},
        el('h2', { id: 'drawings-title' }, 'Drawings'),
        button({ icon: 'close', label: 'Close', onClick: () => this.dialog.close() }),
      ),
      this.#list,
      button({
        icon: 'open',
        label: 'From a file …',
        showLabel: true,
        onClick: () => {
          this.dialog.close();
          void this.#openFile();
        },
      }),
    );
    app.on('model', ({ layout }) => (this.element.hidden = layout.content === 'none'));
    this.shortcuts = [
      { keys: 'Ctrl+S', does: 'Save the drawing', run: () => void this.#save() },
      { keys: 'Ctrl+O', does: 'Open a drawing', run: () => void this.#open() },
    ];
  }

  async #save(): Promise<void> {
    const { drawing, model } = this.#app;
    if (!drawing || !model) return;
    const name = this.#name.value.trim().replace(/\.png$/i, '') || 'drawing';
    this.#app.painter?.drop();
    const png = await fileOf(drawing, model.layout);
    if (!this.#api) {
      download(png, `${name}.png`);
      return;
    }
    await this.#telling(async (api) => {
      try {
        await api.saveDrawing(name, png, false);
      } catch (error) {
        if (!isFrameloomError(error, 'exists')) throw error;
        if (!confirm(`There is a drawing “${name}” already. Save over it?`)) return;
        await api.saveDrawing(name, png, true);
      }
      this.#app.emit('notice', `Saved as ${name}.`);
    });
  }

  async #open(): Promise<void> {
    if (!this.#api) {
      await this.#openFile();
      return;
    }
    await this.#telling(async (api) => {
      const files = await api.listDrawings();
      this.#list.replaceChildren(
        ...files.map(({ name, modified }) =>
          el(
            'li',
            {},
            button({
              label: name.replace(/\.png$/, ''),
              class: 'plain',
              onClick: () => {
                this.dialog.close();
                void this.#take(name);
              },
            }),
            el('small', {}, new Date(modified).toLocaleString()),
            button({
              icon: 'trash',
              label: `Delete ${name}`,
              onClick: () =>
                void this.#telling(async () => {
                  if (!confirm(`Delete the drawing “${name}”?`)) return;
                  await api.deleteDrawing(name);
                  await this.#open();
                }),
            }),
          ),
        ),
      );
      if (files.length === 0) {
        this.#list.replaceChildren(el('li', { class: 'about' }, 'Nothing has been saved yet.'));
      }
      if (!this.dialog.open) this.dialog.showModal();
    });
  }

  async #take(name: string): Promise<void> {
    await this.#telling(async (api) => {
      const png = await api.openDrawing(name);
      await this.#show(new File([png], name, { type: 'image/png' }));
      this.#name.value = name.replace(/\.png$/, '');
      say(`Opened ${name}`);
    });
  }

  async #openFile(): Promise<void> {
    const input = el('input', { type: 'file', accept: 'image/png' });
    input.click();
    await new Promise((resolve) => input.addEventListener('change', resolve, { once: true }));
    const [file] = input.files ?? [];
    if (!file) return;
    await this.#show(file);
    this.#name.value = file.name.replace(/\.png$/i, '');
  }

  /** A drawing with its layers becomes the drawing, in one step that can be undone; any other picture becomes a layer. */
  async #show(file: File): Promise<void> {
    const { drawing, model, painter } = this.#app;
    if (!drawing || !model) return;
    let told: string | null = null;
    try {
      const opened = await layersOf(file, model.layout, drawing);
      if (opened && opened !== 'changed') {
        painter?.drop();
        drawing.replaceLayers('open', opened.sheets, opened.active);
        tellInexact(this.#app, file.name, opened.inexact);
        return;
      }
      if (opened === 'changed') told = 'another program has changed it since its layers were saved';
    } catch (error) {
      if (!isFrameloomError(error)) throw error;
      told = error.message;
    }
    if (told !== null)
      this.#app.emit('notice', `${file.name}: ${told}. It is opened as one layer.`);
    await this.#sources.take(file, 'drawing');
  }

  async #telling(ask: (api: ServerApi) => Promise<void>): Promise<void> {
    if (!this.#api) return;
    try {
      await ask(this.#api);
    } catch (error) {
      const hint = isFrameloomError(error) ? (error.hint ?? null) : null;
      this.#app.emit('problem', { message: messageOf(error), hint, fatal: false });
    }
  }
}
