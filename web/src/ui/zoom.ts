import type { App } from '../app.js';
import {
  nextZoom,
  panned,
  pinched,
  revealing,
  toFrame,
  toPicture,
  WHOLE,
  zoomed,
  type Fingers,
  type Viewport,
} from '../draw/viewport.js';
import { button, el } from './dom.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';

/** How far an arrow key moves the picture, as a share of what is seen. */
const STEP = 1 / 4;

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

interface Place {
  readonly x: number;
  readonly y: number;
}

/**
 * Which part of the pictures is seen. Drawing and world are always enlarged alike, so that what is drawn
 * and what answers stay at the same place of both.
 */
export class Zoom {
  /** Smaller, how large, larger. */
  readonly element: HTMLElement;
  readonly shortcuts: readonly Shortcut[];
  /** Called when another part is seen. */
  onChange: (view: Viewport) => void = () => undefined;
  #view = WHOLE;
  readonly #frame: () => HTMLElement;
  readonly #whole: HTMLButtonElement;

  /** @param frame what the pictures are seen through: of one size on the screen for both */
  constructor(app: App, frame: () => HTMLElement) {
    this.#frame = frame;
    this.#whole = button({
      label: '100 %',
      key: '0',
      class: 'plain zoom-size',
      onClick: () => this.#showWhole(),
    });
    this.#whole.title = 'The whole picture (0)';
    this.element = el(
      'div',
      {
        class: 'zoom',
        role: 'group',
        'aria-label': 'Enlargement of the pictures; arrow keys move the part that is seen',
      },
      button({ icon: 'smaller', label: 'Smaller', key: '-', onClick: () => this.#step(-1) }),
      this.#whole,
      button({ icon: 'larger', label: 'Larger', key: '+', onClick: () => this.#step(1) }),
    );
    this.element.addEventListener('keydown', (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || event.ctrlKey || event.metaKey || event.altKey || this.#view.zoom === 1) return;
      event.preventDefault();
      event.stopPropagation();
      const { width, height } = this.size;
      this.pan({ x: arrow[0] * STEP * width, y: arrow[1] * STEP * height });
    });
    this.shortcuts = [
      { keys: '+ or =', does: 'Larger', run: () => this.#step(1) },
      { keys: '-', does: 'Smaller', run: () => this.#step(-1) },
      { keys: '0', does: 'The whole picture', run: () => this.#showWhole() },
    ];
    // Another drawing has other places; the same at another engine has not.
    app.on('drawing', () => this.#become(WHOLE));
    this.#show();
  }

  get view(): Viewport {
    return this.#view;
  }

  /** CSS pixels of the frame. */
  get size(): { width: number; height: number } {
    const { width, height } = this.#frame().getBoundingClientRect();
    return { width, height };
  }

  /** Where a point of the window lies in a picture of `of` pixels. @param through the frame that it is seen in */
  placeIn(through: Element, of: { width: number; height: number }, client: Place): Place {
    const box = through.getBoundingClientRect();
    const at = { x: client.x - box.left, y: client.y - box.top };
    return toPicture(this.#view, at, box, of);
  }

  /** Where a pixel of a picture lies in its frame, CSS pixels. */
  placeOn(of: { width: number; height: number }, at: Place): Place {
    return toFrame(this.#view, at, this.size, of);
  }

  /** @param at the point of the frame that stays, CSS pixels */
  by(factor: number, at: Place): void {
    this.#become(zoomed(this.#view, this.#view.zoom * factor, this.size, at));
  }

  /** @param by CSS pixels that the picture moves */
  pan(by: Place): void {
    this.#become(panned(this.#view, by, this.size));
  }

  /** @param view as it was when the fingers came down */
  pinch(view: Viewport, from: Fingers, to: Fingers): void {
    this.#become(pinched(view, from, to, this.size));
  }

  /** Moves a place into sight. @param at in pixels of a picture of `of` pixels */
  reveal(of: { width: number; height: number }, at: Place): void {
    this.#become(revealing(this.#view, { x: at.x / of.width, y: at.y / of.height }));
  }

  #step(direction: 1 | -1): void {
    const { width, height } = this.size;
    const zoom = nextZoom(this.#view.zoom, direction);
    this.#become(zoomed(this.#view, zoom, this.size, { x: width / 2, y: height / 2 }));
    say(`Enlarged ${zoom} times`);
  }

  #showWhole(): void {
    this.#become(WHOLE);
    say('The whole picture');
  }

  #become(view: Viewport): void {
    const { zoom, left, top } = this.#view;
    if (view.zoom === zoom && view.left === left && view.top === top) return;
    this.#view = view;
    this.#show();
    this.onChange(view);
  }

  #show(): void {
    const { zoom } = this.#view;
    const text = `${Math.round(100 * zoom)} %`;
    this.#whole.querySelector('.label')!.textContent = text;
    this.#whole.setAttribute('aria-label', `${text}: show the whole picture`);
  }
}
