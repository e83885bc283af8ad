import {
  clearRaster,
  clip,
  copyRaster,
  createRaster,
  EMPTY,
  lay,
  union,
  wholeOf,
  type Raster,
  type Rect,
} from './raster.js';
import { changeOf, History } from './history.js';

/** One sheet of paint. Those below show through where nothing was painted. */
export interface Layer {
  readonly id: number;
  readonly name: string;
  readonly raster: Raster;
  readonly visible: boolean;
}

export const MOST_LAYERS = 12;
/** Letters of a layer's name. */
export const MOST_NAME = 80;

/** Memory of an object or two, for steps that keep no pixels. */
const STEP_BYTES = 400;

/**
 * What a person has drawn: sheets over the clip's own playing maps, or over one value everywhere. The
 * picture that a generator gets is made of all of them; pixels are never blended.
 */
export class Drawing {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly history: History;
  /** Called at each change of what is seen, or of the sheets. */
  onChange: () => void = () => undefined;

  #layers: Layer[] = [];
  #active = 0;
  #numbered = 0;
  #background: readonly number[];
  #below: Uint8Array | null = null;
  #edit: { area: Rect } | null = null;
  readonly #before: Raster;
  readonly #flat: Raster;

  constructor(
    size: { readonly width: number; readonly height: number; readonly depth: number },
    history = new History(),
  ) {
    ({ width: this.width, height: this.height, depth: this.depth } = size);
    this.history = history;
    this.#background = Array.from({ length: this.depth }, () => 0);
    this.#before = this.#raster();
    this.#flat = this.#raster();
    this.#layers = [this.#newLayer()];
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  get active(): Layer {
    return this.#layers[this.#active]!;
  }

  /** Value of what no sheet and no map covers. */
  get background(): readonly number[] {
    return this.#background;
  }

  set background(value: readonly number[]) {
    this.#background = value.slice(0, this.depth);
    this.onChange();
  }

  /** The map that plays below all sheets; null where the background does. */
  get below(): Uint8Array | null {
    return this.#below;
  }

  set below(map: Uint8Array | null) {
    this.#below = map;
    this.onChange();
  }

  /** The same, of a map that the session played itself: there is nothing to tell it. */
  setBelow(map: Uint8Array): void {
    this.#below = map;
  }

  /** Whether somebody is drawing: nothing else may change a sheet then. */
  get isEditing(): boolean {
    return this.#edit !== null;
  }

  /** Whether no visible sheet has anything on it. */
  get isBlank(): boolean {
    return this.#layers.every(({ visible, raster }) => !visible || !raster.there.includes(1));
  }

  /** All visible sheets as one; belongs to the drawing, until the next call. */
  paint(): Raster {
    clearRaster(this.#flat);
    for (const { visible, raster } of this.#layers) if (visible) lay(raster, this.#flat);
    return this.#flat;
  }

  /** What the generator gets, [height, width, depth]: the caller's own. */
  composed(): Uint8Array<ArrayBuffer> {
    const { there, bytes } = this.paint();
    const made = new Uint8Array(this.width * this.height * this.depth);
    if (this.#below) made.set(this.#below);
    else for (let at = 0; at < made.length; at += 1) made[at] = this.#background[at % this.depth]!;
    for (let pixel = 0; pixel < there.length; pixel += 1) {
      if (there[pixel] === 0) continue;
      for (let at = pixel * this.depth; at < (pixel + 1) * this.depth; at += 1)
        made[at] = bytes[at]!;
    }
    return made;
  }

  /**
   * Begins to change the active sheet. What is drawn is seen at once, and is one step of the history
   * when `commit` is called.
   */
  begin(): Raster {
    this.cancel();
    copyRaster(this.active.raster, this.#before);
    this.#edit = { area: EMPTY };
    return this.active.raster;
  }

  /** Says what was changed since. */
  touch(area: Rect): void {
    if (!this.#edit) return;
    this.#edit.area = union(this.#edit.area, clip(area, this.width, this.height));
    this.onChange();
  }

  /** Makes the sheet what it was when the change began: a shape is drawn anew at each move. */
  restart(): Raster {
    copyRaster(this.#before, this.active.raster);
    return this.active.raster;
  }

  /** @param what was done, in words */
  commit(what: string): void {
    if (!this.#edit) return;
    const { area } = this.#edit;
    this.#edit = null;
    this.history.add(changeOf(this.#before, this.active.raster, area, what));
    this.onChange();
  }

  /** As if it had not begun. */
  cancel(): void {
    if (!this.#edit) return;
    this.#edit = null;
    copyRaster(this.#before, this.active.raster);
    this.onChange();
  }

  undo(): string | null {
    this.cancel();
    const what = this.history.undo();
    this.onChange();
    return what;
  }

  redo(): string | null {
    this.cancel();
    const what = this.history.redo();
    this.onChange();
    return what;
  }

  /** Takes all paint away, of the active sheet or of all. */
  clear(all: boolean): void {
    this.cancel();
    const changes = (all ? this.#layers : [this.active]).flatMap(({ raster }) => {
      copyRaster(raster, this.#before);
      clearRaster(raster);
      return changeOf(this.#before, raster, wholeOf(raster), 'clear') ?? [];
    });
    if (changes.length === 0) return;
    this.history.add({
      what: 'clear',
      bytes: changes.reduce((sum, { bytes }) => sum + bytes, 0),
      undo: () => changes.forEach((change) => change.undo()),
      redo: () => changes.forEach((change) => change.redo()),
    });
    this.onChange();
  }

  /**
   * A new sheet above the active one, which is then active.
   * @returns null where there are as many as there may be
   */
  addLayer(name?: string, content?: Raster): Layer | null {
    if (this.#layers.length >= MOST_LAYERS) return null;
    const layer = this.#newLayer(name);
    if (content) lay(content, layer.raster);
    const layers = this.#layers.toSpliced(this.#active + 1, 0, layer);
    this.#become('new layer', layers, this.#active + 1, layer.raster.bytes.length * 2);
    return layer;
  }

  /**
   * Takes other sheets in place of all that there are, the lowest first.
   * @param sheets of the drawing's size; one at least, and {@link MOST_LAYERS} at the most
   */
  replaceLayers(
    what: string,
    sheets: readonly { name: string; visible: boolean; content: Raster }[],
    active: number,
  ): void {
    const layers = sheets.map(({ name, visible, content }) => {
      const layer = { ...this.#newLayer(name), visible };
      lay(content, layer.raster);
      return layer;
    });
    const kept = [...this.#layers, ...layers].reduce(
      (bytes, { raster }) => bytes + raster.bytes.length + raster.there.length,
      0,
    );
    this.#become(what, layers, active, kept);
  }

  /** Takes the active sheet away. The last one stays, and is cleared. */
  removeLayer(): void {
    if (this.#layers.length === 1) {
      this.clear(false);
      return;
    }
    const layers = this.#layers.toSpliced(this.#active, 1);
    const kept = this.active.raster.bytes.length * 2;
    this.#become('delete layer', layers, Math.max(0, this.#active - 1), kept);
  }

  /** @param by how many places upwards */
  moveLayer(by: number): void {
    const to = Math.min(this.#layers.length - 1, Math.max(0, this.#active + by));
    if (to === this.#active) return;
    const layers = this.#layers.toSpliced(this.#active, 1).toSpliced(to, 0, this.active);
    this.#become('move layer', layers, to, STEP_BYTES);
  }

  chooseLayer(id: number): void {
    const at = this.#layers.findIndex((layer) => layer.id === id);
    if (at < 0 || at === this.#active) return;
    this.cancel();
    this.#active = at;
    this.onChange();
  }

  showLayer(id: number, visible: boolean): void {
    this.#layers = this.#layers.map((layer) => (layer.id === id ? { ...layer, visible } : layer));
    this.onChange();
  }

  #become(what: string, layers: Layer[], active: number, bytes: number): void {
    this.cancel();
    const [oldLayers, oldActive] = [this.#layers, this.#active];
    const become = (to: Layer[], at: number): void => {
      this.#layers = to;
      this.#active = at;
    };
    become(layers, active);
    this.history.add({
      what,
      bytes,
      undo: () => become(oldLayers, oldActive),
      redo: () => become(layers, active),
    });
    this.onChange();
  }

  #raster(): Raster {
    return createRaster(this.width, this.height, this.depth);
  }

  #newLayer(name?: string): Layer {
    this.#numbered += 1;
    return {
      id: this.#numbered,
      name: (name ?? `Layer ${this.#numbered}`).replace(/\p{Cc}/gu, ' ').slice(0, MOST_NAME),
      raster: this.#raster(),
      visible: true,
    };
  }
}
