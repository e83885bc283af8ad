import type { Size } from '../../../src/play/live/services.js';
import { el } from './dom.js';

interface Area extends Size {
  readonly x: number;
  readonly y: number;
}

/** A part of a video's picture that is dragged over it; the whole picture until then. */
export class Crop {
  /** Lies over the video. */
  readonly element = el('div', { class: 'crop', 'aria-hidden': 'true', hidden: true });
  readonly #video: HTMLVideoElement;
  /** Shares of the picture; null for all of it. */
  #area: Area | null = null;
  /** A part that is recorded stays what it is. */
  isFixed = false;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    this.#listen();
  }

  /** The part of a picture of that size, in its pixels; null for all of it. */
  areaOf({ width, height }: Size): Area | null {
    return (
      this.#area && {
        x: this.#area.x * width,
        y: this.#area.y * height,
        width: this.#area.width * width,
        height: this.#area.height * height,
      }
    );
  }

  clear(): void {
    if (!this.isFixed) this.#take(null);
  }

  #take(area: Area | null): void {
    this.#area = area;
    this.element.hidden = area === null;
    if (!area) return;
    this.element.style.left = `${100 * area.x}%`;
    this.element.style.top = `${100 * area.y}%`;
    this.element.style.width = `${100 * area.width}%`;
    this.element.style.height = `${100 * area.height}%`;
  }

  #listen(): void {
    let from: { x: number; y: number } | null = null;
    const placeOf = (event: PointerEvent): { x: number; y: number } => {
      const box = this.#video.getBoundingClientRect();
      const share = (at: number, low: number, size: number): number =>
        Math.min(1, Math.max(0, (at - low) / size));
      return {
        x: share(event.clientX, box.left, box.width),
        y: share(event.clientY, box.top, box.height),
      };
    };
    this.#video.addEventListener('pointerdown', (event) => {
      if (this.isFixed) return;
      this.#video.setPointerCapture(event.pointerId);
      from = placeOf(event);
    });
    this.#video.addEventListener('pointermove', (event) => {
      if (!from) return;
      const to = placeOf(event);
      const [width, height] = [Math.abs(to.x - from.x), Math.abs(to.y - from.y)];
      if (width < 0.02 || height < 0.02) return;
      this.#take({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width, height });
    });
    this.#video.addEventListener('pointerup', () => (from = null));
  }
}
