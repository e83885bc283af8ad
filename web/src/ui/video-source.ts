import { messageOf } from '../../../src/base/error.js';
import type { App } from '../app.js';
import { rgbOf, sizeOf } from '../session/pictures.js';
import { Crop } from './crop.js';
import { button, el } from './dom.js';

type Kind = 'camera' | 'screen';

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
  readonly #crop = new Crop(this.#video);
  #kind: Kind | null = null;
  #stream: MediaStream | null = null;
  #asked: { number: number; at: number } | null = null;

  constructor(app: App) {
    this.#app = app;
    this.#video.muted = true;
    this.element = el(
      'div',
      { class: 'source', hidden: true },
      el('div', { class: 'source-picture' }, this.#video, this.#crop.element),
      el(
        'div',
        { class: 'row' },
        button({ label: 'The whole picture', class: 'small', onClick: () => this.#crop.clear() }),
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
    this.#crop.clear();
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
    const { rgb, ...size } = rgbOf(this.#video, this.#crop.areaOf(sizeOf(this.#video)));
    this.#asked = { number: client.sendPixels('picture', size.width, size.height, rgb), at: now };
  }
}
