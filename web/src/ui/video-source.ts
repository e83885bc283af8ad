import { messageOf } from '../../../src/base/error.js';
import type { App } from '../app.js';
import { rgbOf, sizeOf } from '../session/pictures.js';
import { button, el } from './dom.js';

type Kind = 'camera' | 'screen';

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How long an answer may take before the next picture is sent all the same. */
const PATIENCE_MS = 3000;

/**
 * A camera or a part of the screen, whose newest picture becomes the condition. The next is taken when the
 * one before was answered: none is ever queued.
 */
export class VideoSource {
  readonly element: HTMLElement;
  /** Told what is on; null for nothing. */
  onChange: (kind: Kind | null) => void = () => undefined;
  readonly #app: App;
  readonly #video = el('video', { muted: true, playsinline: true, 'aria-label': 'What is taken' });
  readonly #frame = el('div', { class: 'crop', 'aria-hidden': 'true', hidden: true });
  #kind: Kind | null = null;
  #stream: MediaStream | null = null;
  #asked: { number: number; at: number } | null = null;
  /** Shares of the picture; null for all of it. */
  #area: Area | null = null;

  constructor(app: App) {
    this.#app = app;
    this.#video.muted = true;
    this.element = el(
      'div',
      { class: 'source', hidden: true },
      el('div', { class: 'source-picture' }, this.#video, this.#frame),
      el(
        'div',
        { class: 'row' },
        button({ label: 'The whole picture', class: 'small', onClick: () => this.#crop(null) }),
        button({
          icon: 'stop',
          label: 'Stop',
          showLabel: true,
          class: 'small',
          onClick: () => this.stop(),
        }),
      ),
      el('p', { class: 'about' }, 'Drag over the picture to take a part of it.'),
    );
    this.#listen();
    app.on('condition', ({ kind, number, pixels }) => {
      if (kind !== 'filtered') return;
      // Of a camera or of a single picture: what is drawn lies over it either way.
      if (this.#kind) app.composer.picture(pixels);
      else app.composer.still(pixels);
      if (this.#asked && number >= this.#asked.number) this.#asked = null;
    });
  }

  async toggle(kind: Kind): Promise<void> {
    const isOn = this.#kind === kind;
    this.stop();
    if (isOn) return;
    try {
      this.#stream =
        kind === 'camera'
          ? await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } })
          : await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 30 } });
    } catch (error) {
      this.#app.emit('problem', {
        message: `there is no picture of the ${kind}: ${messageOf(error)}`,
        hint: 'allow it in the browser’s address bar',
        fatal: false,
      });
      return;
    }
    this.#kind = kind;
    this.#stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stop());
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.element.hidden = false;
    this.onChange(kind);
    this.#tick();
  }

  stop(): void {
    if (!this.#kind) return;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
    this.#stream = null;
    this.#kind = null;
    this.#asked = null;
    this.#crop(null);
    this.element.hidden = true;
    this.onChange(null);
  }

  #tick(): void {
    if (!this.#kind) return;
    this.#video.requestVideoFrameCallback(() => {
      this.#take();
      this.#tick();
    });
  }

  #take(): void {
    const { client } = this.#app;
    const now = performance.now();
    const isWaiting = this.#asked !== null && now - this.#asked.at < PATIENCE_MS;
    if (isWaiting || !client?.isFree || !this.#kind) return;
    const { width, height } = sizeOf(this.#video);
    const area = this.#area && {
      x: this.#area.x * width,
      y: this.#area.y * height,
      width: this.#area.width * width,
      height: this.#area.height * height,
    };
    const { rgb, ...size } = rgbOf(this.#video, area);
    this.#asked = { number: client.sendPixels('picture', size.width, size.height, rgb), at: now };
  }

  #crop(area: Area | null): void {
    this.#area = area;
    this.#frame.hidden = area === null;
    if (!area) return;
    this.#frame.style.left = `${100 * area.x}%`;
    this.#frame.style.top = `${100 * area.y}%`;
    this.#frame.style.width = `${100 * area.width}%`;
    this.#frame.style.height = `${100 * area.height}%`;
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
      this.#video.setPointerCapture(event.pointerId);
      from = placeOf(event);
    });
    this.#video.addEventListener('pointermove', (event) => {
      if (!from) return;
      const to = placeOf(event);
      const [width, height] = [Math.abs(to.x - from.x), Math.abs(to.y - from.y)];
      if (width < 0.02 || height < 0.02) return;
      this.#crop({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width, height });
    });
    this.#video.addEventListener('pointerup', () => (from = null));
  }
}
