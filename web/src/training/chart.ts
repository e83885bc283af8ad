import { el } from '../ui/dom.js';
import { brief, trace, type Point } from './curve.js';

/** One small curve with its name and its newest value. */
export class Chart {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #value = el('strong', {}, '–');
  readonly #range = el('small', {}, '');
  #points: readonly Point[] = [];

  constructor(title: string) {
    this.#canvas = el('canvas', { role: 'img', 'aria-label': title });
    this.element = el(
      'figure',
      { class: 'chart' },
      el('figcaption', {}, el('span', { title }, title), this.#value),
      this.#canvas,
      this.#range,
    );
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
  }

  show(points: readonly Point[]): void {
    this.#points = points;
    this.#draw();
  }

  #draw(): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const [w, h] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (w < 2 || h < 2) return;
    this.#canvas.width = w;
    this.#canvas.height = h;
    const drawn = trace(this.#points, w, h - 2);
    const newest = this.#points.at(-1);
    if (!drawn || !newest) return;
    this.#value.textContent = brief(newest[1]);
    this.#range.textContent = `${brief(drawn.least)} to ${brief(drawn.most)}`;
    this.#canvas.setAttribute(
      'aria-label',
      `${this.#value.textContent} at step ${newest[0]}, between ${this.#range.textContent}`,
    );
    const context = this.#canvas.getContext('2d')!;
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = 1.25 * devicePixelRatio;
    context.lineJoin = 'round';
    context.beginPath();
    for (const { x, top, bottom } of drawn.columns) {
      context.lineTo(x, top + 1);
      if (bottom !== top) context.lineTo(x, bottom + 1);
    }
    context.stroke();
  }
}
