import type { Packet, SessionKind } from '../../../src/play/live/packets.js';
import type { App } from '../app.js';
import { painterOf, rgbToRgba, type Painted } from '../draw/picture.js';
import { isEmpty } from '../draw/raster.js';
import { arrange, type View } from './arrange.js';
import { button, el } from './dom.js';
import { figuresLine } from './figures.js';
import { moveByGestures } from './gestures.js';
import { drawByKeys } from './key-drawing.js';
import { inkLine } from './palette.js';
import { drawByPointer } from './pointer-drawing.js';
import { remembered } from './remembered.js';
import { Zoom } from './zoom.js';

/** Between the pictures, and above each for its title; CSS pixels. */
const GAP = 16;
const ABOVE = 28;

/** Where one thing lies below the other, as page.css says. */
const SCROLLS = matchMedia('(max-width: 56rem)');

/** A canvas of a picture's own pixels, which the browser enlarges. */
interface Screen {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  image: ImageData;
}

function screenOf(canvas: HTMLCanvasElement): Screen {
  const context = canvas.getContext('2d')!;
  return { canvas, context, image: context.createImageData(1, 1) };
}

function resize(screen: Screen, width: number, height: number): void {
  if (screen.canvas.width === width && screen.canvas.height === height) return;
  screen.canvas.width = width;
  screen.canvas.height = height;
  screen.image = screen.context.createImageData(width, height);
}

/**
 * The two pictures: what one draws, and the world that answers. They lie beside each other, or the
 * drawing over the world.
 */
export class Stage {
  readonly element: HTMLElement;
  /** Where one draws. */
  readonly pad: HTMLCanvasElement;
  readonly world: HTMLCanvasElement;
  /** Which part of both pictures is seen. */
  readonly zoom: Zoom;
  readonly #app: App;
  readonly #drawn: Screen;
  readonly #made: Screen;
  readonly #pictures: HTMLElement;
  readonly #ring: HTMLElement;
  readonly #marquee: HTMLElement;
  readonly #room: HTMLElement;
  #paint: Painted | null = null;
  #frame: Packet<SessionKind> | null = null;
  #isWaiting = false;
  #isStale = true;
  #opacity: number;
  #view: View;
  /** Called when a frame was shown for the first time since it was asked. */
  onShown: (packet: Packet<SessionKind>) => void = () => undefined;

  /** @param isTaken whether a key is for the world, whose actions it drives */
  constructor(app: App, isTaken: (event: KeyboardEvent) => boolean) {
    this.#app = app;
    this.#view = remembered.view.get();
    this.#opacity = remembered.opacity.get();
    this.pad = el('canvas', {
      id: 'pad',
      class: 'picture',
      tabindex: 0,
      role: 'application',
      'aria-label':
        'Drawing. Arrow keys move the pen, Space puts it down and lifts it, Escape takes the stroke back.',
    });
    this.world = el('canvas', {
      id: 'world',
      class: 'picture',
      role: 'img',
      'aria-label': 'The world that the generator makes',
    });
    this.#drawn = screenOf(this.pad);
    this.#made = screenOf(this.world);
    this.#ring = el('div', { class: 'ring', 'aria-hidden': 'true', hidden: true });
    this.#marquee = el('div', { class: 'marquee', 'aria-hidden': 'true', hidden: true });
    this.#pictures = el(
      'div',
      { class: 'pictures' },
      el(
        'figure',
        { class: 'frame drawing' },
        el('figcaption', { class: 'caption' }, el('span', {}, 'Your drawing'), inkLine(app)),
        el(
          'div',
          { class: 'screen' },
          el('div', { class: 'sheet' }, this.pad, this.#marquee),
          this.#ring,
        ),
      ),
      el(
        'figure',
        { class: 'frame world' },
        el('figcaption', { class: 'caption' }, el('span', {}, 'The world'), figuresLine(app)),
        el('div', { class: 'screen' }, el('div', { class: 'sheet' }, this.world)),
      ),
    );
    this.#room = el('div', { class: 'room' }, this.#pictures);
    this.element = el('section', { class: 'stage', 'aria-label': 'Pictures' }, this.#room);

    new ResizeObserver(() => this.#arrange()).observe(this.#room);
    // A window that is dragged to another screen has other pixels.
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () =>
      this.#arrange(),
    );
    app.on('model', (model) => {
      this.#paint = model.layout.content === 'none' ? null : painterOf(model.layout);
      this.element.classList.toggle('draws', this.#paint !== null);
      resize(this.#drawn, model.width, model.height);
      resize(this.#made, model.width, model.height);
      this.#arrange();
      this.#redraw();
    });
    app.on('changed', () => this.#redraw());
    app.on('below', () => this.#redraw());
    app.on('frame', (frame) => {
      this.#frame = frame;
      this.#schedule();
    });
    app.on('selection', () => this.#showSelection());
    app.on('tool', () => this.#showSelection());
    const frames = this.#pictures.querySelectorAll<HTMLElement>('.screen');
    // The drawing is seen through the first, where it is seen at all.
    this.zoom = new Zoom(app, () => frames[this.#paint && this.#view !== 'solo' ? 0 : 1]!);
    this.zoom.onChange = ({ zoom, left, top }) => {
      const { style } = this.#pictures;
      style.setProperty('--zoom', String(zoom));
      style.setProperty('--left', String(left));
      style.setProperty('--top', String(top));
      this.#pictures.classList.toggle('enlarged', zoom > 1);
      ring.hide();
    };
    const ring = drawByPointer(app, {
      pad: this.pad,
      frame: frames[0]!,
      ring: this.#ring,
      zoom: this.zoom,
    });
    drawByKeys(app, this.pad, ring, (place) => this.zoom.reveal(this.pad, place));
    moveByGestures({
      pictures: this.#pictures,
      pad: this.pad,
      zoom: this.zoom,
      takeBack: ring.takeBack,
      isTaken,
    });
    this.view = this.#view;
    this.opacity = this.#opacity;
  }

  get view(): View {
    return this.#view;
  }

  set view(view: View) {
    this.#view = view;
    remembered.view.set(view);
    this.element.dataset.view = view;
    this.#arrange();
  }

  /** How much of the drawing is seen over the world, 0–1. */
  get opacity(): number {
    return this.#opacity;
  }

  set opacity(share: number) {
    this.#opacity = share;
    remembered.opacity.set(share);
    this.pad.style.setProperty('--opacity', String(share));
  }

  get smooth(): boolean {
    return this.world.classList.contains('smooth');
  }

  set smooth(isSmooth: boolean) {
    this.world.classList.toggle('smooth', isSmooth);
    remembered.smooth.set(isSmooth);
  }

  #arrange(): void {
    const { model } = this.#app;
    if (!model) return;
    const { width, height } = this.#room.getBoundingClientRect();
    const isPair = this.#view === 'split' && this.#paint !== null;
    // Where the page scrolls the pictures have as much height as leaves the tools in sight.
    const room = { width, height: SCROLLS.matches ? innerHeight * 0.62 : height };
    const arranged = arrange(room, model, isPair ? 2 : 1, GAP, ABOVE, devicePixelRatio);
    this.#pictures.dataset.direction = arranged.direction;
    this.#pictures.style.setProperty('--width', `${arranged.width}px`);
    this.#pictures.style.setProperty('--height', `${arranged.height}px`);
    this.#showSelection();
  }

  #redraw(): void {
    this.#isStale = true;
    this.#schedule();
  }

  /** Draws with the next picture of the screen: of many frames only the newest. */
  #schedule(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      if (this.#isStale) this.#showDrawing();
      const frame = this.#frame;
      this.#frame = null;
      if (frame) this.#showFrame(frame);
    });
  }

  #showDrawing(): void {
    const { drawing } = this.#app;
    this.#isStale = false;
    if (!drawing || !this.#paint) return;
    const { image, context } = this.#drawn;
    if (image.width !== drawing.width || image.height !== drawing.height) return;
    this.#paint(drawing.composed(), image.data);
    context.putImageData(image, 0, 0);
  }

  #showFrame(frame: Packet<SessionKind>): void {
    resize(this.#made, frame.width, frame.height);
    rgbToRgba(frame.pixels, this.#made.image.data);
    this.#made.context.putImageData(this.#made.image, 0, 0);
    this.onShown(frame);
  }

  #showSelection(): void {
    const { painter, drawing } = this.#app;
    const rect = painter?.selection;
    this.#marquee.hidden = !rect || isEmpty(rect);
    if (!rect || !drawing) return;
    const style = this.#marquee.style;
    style.left = `${(100 * rect.left) / drawing.width}%`;
    style.top = `${(100 * rect.top) / drawing.height}%`;
    style.width = `${(100 * (rect.right - rect.left)) / drawing.width}%`;
    style.height = `${(100 * (rect.bottom - rect.top)) / drawing.height}%`;
  }
}

/** The buttons that choose how the pictures lie. */
export function viewButtons(stage: Stage): { element: HTMLElement; next: () => void } {
  const views: readonly { view: View; label: string; icon: 'split' | 'over' | 'solo' }[] = [
    { view: 'split', label: 'Side by side', icon: 'split' },
    { view: 'over', label: 'Draw on the world', icon: 'over' },
    { view: 'solo', label: 'The world alone', icon: 'solo' },
  ];
  const buttons = views.map(({ view, label, icon }) =>
    button({ icon, label, toggles: true, key: 'V', onClick: () => choose(view) }),
  );
  const choose = (view: View): void => {
    stage.view = view;
    views.forEach((each, at) =>
      buttons[at]!.setAttribute('aria-pressed', String(each.view === view)),
    );
  };
  choose(stage.view);
  return {
    element: el('div', { class: 'choice views', role: 'group', 'aria-label': 'View' }, ...buttons),
    next: () => {
      const at = views.findIndex(({ view }) => view === stage.view);
      choose(views[(at + 1) % views.length]!.view);
    },
  };
}
