import type { Packet, SessionKind } from '../../../src/play/live/packets.js';
import type { App, AppEvents } from '../app.js';
import { createRaster } from '../draw/raster.js';
import { rgbToRgba } from '../draw/picture.js';
import { pngOf } from './pictures.js';
import { ZipWriter } from './zip.js';

/** Of all pictures of a recording: a page keeps them in its memory. */
const MOST_BYTES = 1.5 * 2 ** 30;

const numbered = (frame: number): string => String(frame).padStart(6, '0');

/**
 * Records in the page, where no server does: a video to look at, and every frame with its condition as PNG, which
 * can be trained on, without what was pressed. Frames that were made and never came here are not in it; how many is told.
 */
export class PageRecorder {
  readonly #app: App;
  readonly #zip = new ZipWriter();
  readonly #video: MediaRecorder;
  readonly #chunks: Blob[] = [];
  readonly #stops: (() => void)[];
  #work: Promise<void> = Promise.resolve();
  #frames = 0;
  /** Frames of which it is not known what they were made of. */
  #unknown = 0;
  #first: number | null = null;
  #last = 0;
  #isFull = false;

  /** @param world the canvas that shows the frames */
  constructor(app: App, world: HTMLCanvasElement) {
    this.#app = app;
    this.#video = new MediaRecorder(world.captureStream(), { videoBitsPerSecond: 8_000_000 });
    this.#video.ondataavailable = ({ data }) => this.#chunks.push(data);
    this.#video.start(1000);
    this.#stops = [app.on('frame', (frame) => this.#add(frame))];
  }

  async end(): Promise<AppEvents['recorded']> {
    for (const stop of this.#stops) stop();
    const stopped = new Promise((resolve) => (this.#video.onstop = resolve));
    this.#video.stop();
    await Promise.all([stopped, this.#work]);
    const missing = this.#first === null ? 0 : this.#last - this.#first + 1 - this.#frames;
    if (missing > 0) this.#app.emit('notice', `${missing} frames were made and did not come here.`);
    if (this.#app.model?.layout.actions) {
      this.#app.emit(
        'notice',
        'What was pressed is not in this recording: only a server’s has that, beside its frames.',
      );
    }
    if (this.#unknown > 0) {
      this.#app.emit(
        'notice',
        `Of ${this.#unknown} frames it is not known what they were made of: they have no condition.`,
      );
    }
    const video = new Blob(this.#chunks, { type: this.#video.mimeType });
    const type = this.#video.mimeType.includes('mp4') ? 'mp4' : 'webm';
    const zip = this.#zip.end();
    return {
      type: 'recorded',
      folder: null,
      frames: this.#frames,
      files: [
        fileOf('video', `world.${type}`, video),
        fileOf('condition', 'frames-and-conditions.zip', zip),
      ],
    };
  }

  #add(frame: Packet<SessionKind>): void {
    if (this.#isFull) return;
    if (this.#zip.bytes > MOST_BYTES) {
      this.#isFull = true;
      this.#app.emit('notice', 'The recording is full: what comes from now on is not in it.');
      return;
    }
    this.#first ??= frame.number;
    this.#last = frame.number;
    this.#frames += 1;
    const at = this.#frames;
    const condition = this.#app.composer.conditionOf(frame);
    if (!condition && this.#app.model?.layout.content !== 'none') this.#unknown += 1;
    const rgb = frame.pixels.slice();
    this.#work = this.#work.then(() => this.#keep(at, { ...frame, pixels: rgb }, condition));
  }

  async #keep(
    at: number,
    { width, height, pixels }: Packet<SessionKind>,
    condition: Uint8Array | null,
  ): Promise<void> {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d')!;
    const image = context.createImageData(width, height);
    rgbToRgba(pixels, image.data);
    context.putImageData(image, 0, 0);
    const frame = await canvas.convertToBlob({ type: 'image/png' });
    this.#zip.add(`frames/${numbered(at)}.png`, new Uint8Array(await frame.arrayBuffer()));
    const { layout } = this.#app.model!;
    if (!condition) return;
    const raster = createRaster(width, height, layout.bytesPerPixel);
    raster.bytes.set(condition);
    raster.there.fill(1);
    const png = await pngOf(raster, layout);
    this.#zip.add(`conditions/${numbered(at)}.png`, new Uint8Array(await png.arrayBuffer()));
  }
}

const fileOf = (
  holds: 'video' | 'condition',
  name: string,
  blob: Blob,
): AppEvents['recorded']['files'][number] => ({
  holds,
  name,
  bytes: blob.size,
  url: URL.createObjectURL(blob),
});
