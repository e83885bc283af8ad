import type { ModelMessage } from '../../../src/play/live/messages.js';
import type { App } from '../app.js';
import { scaled } from '../draw/scale.js';
import { rasterOf, rgbAtSize, rgbaOf, rgbOf, sizeOf, type Picture } from '../session/pictures.js';
import { button, el, section } from './dom.js';
import { say } from './notices.js';
import { VideoSource } from './video-source.js';

/** From so many pixels of no class's colour on a picture is no label map. */
const TOO_INEXACT = 0.05;

/** What a picture is for: to be filtered into a condition, drawn with, or begun from. */
type Use = 'filter' | 'drawing' | 'first';

const usesOf = ({ layout, can }: ModelMessage): Use => {
  if (layout.content === 'none') return 'first';
  return layout.content === 'image' && can.filter ? 'filter' : 'drawing';
};

/** Says that a picture is no label map, where it is none. @param inexact share of its pixels of no class's colour */
export function tellInexact(app: App, name: string, inexact: number): void {
  if (inexact <= TOO_INEXACT) return;
  const share = Math.round(100 * inexact);
  app.emit('notice', `${share} % of ${name} has colours of no class: the nearest class was taken.`);
}

/** Pictures from anywhere: files, the clipboard, a camera, a part of the screen. */
export class Sources {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #video: VideoSource;

  constructor(app: App) {
    this.#app = app;
    this.#video = new VideoSource(app);
    const open = button({
      icon: 'picture',
      label: 'Picture …',
      showLabel: true,
      onClick: () => void this.#pickFile(usesOf(app.model!)),
    });
    const camera = button({
      icon: 'camera',
      label: 'Camera',
      showLabel: true,
      toggles: true,
      onClick: () => void this.#video.toggle('camera'),
    });
    const screen = button({
      icon: 'screen',
      label: 'Screen',
      showLabel: true,
      toggles: true,
      onClick: () => void this.#video.toggle('screen'),
    });
    const first = button({
      icon: 'picture',
      label: 'Begin from a picture …',
      showLabel: true,
      onClick: () => void this.#pickFile('first'),
    });
    const clip = button({
      icon: 'dice',
      label: 'Begin from the clip',
      showLabel: true,
      onClick: () => app.beginFromClip(0),
    });
    const about = el('p', { class: 'about' });
    this.element = section(
      'Pictures',
      el('div', { class: 'row' }, open, camera, screen),
      this.#video.element,
      first,
      clip,
      about,
    );
    this.#video.onChange = (kind) => {
      camera.setAttribute('aria-pressed', String(kind === 'camera'));
      screen.setAttribute('aria-pressed', String(kind === 'screen'));
    };
    app.on('model', (model) => {
      const use = usesOf(model);
      camera.hidden = screen.hidden = use !== 'filter';
      open.hidden = use === 'first';
      clip.hidden = model.clips.length === 0;
      about.textContent = {
        filter:
          'A picture becomes what the generator was trained on, by the pipeline’s own filter. Paste or drop one anywhere.',
        drawing: 'A picture in the palette’s colours becomes a layer. Paste or drop one anywhere.',
        first: 'The world begins from a picture that you paste, drop or open.',
      }[use];
    });
    this.#listen();
  }

  /** @throws nothing: what fails is told */
  async take(file: Blob, use: Use): Promise<void> {
    const { model, client } = this.#app;
    if (!model || !client) return;
    let picture: ImageBitmap;
    try {
      picture = await createImageBitmap(file, { colorSpaceConversion: 'none' });
    } catch {
      const name = file instanceof File ? file.name : 'what was given';
      this.#app.emit('problem', {
        message: `${name} is no picture that this browser can read`,
        hint: 'PNG, JPEG and WebP work everywhere',
        fatal: false,
      });
      return;
    }
    const { width, height } = model;
    if (use === 'first') {
      client.sendPixels('firstPicture', width, height, rgbAtSize(picture, width, height));
      say('The world begins from this picture');
    } else if (use === 'filter') {
      const { rgb, ...size } = rgbOf(picture, null);
      client.sendPixels('picture', size.width, size.height, rgb);
    } else this.#draw(picture, file);
    picture.close();
  }

  #draw(picture: Picture, file: Blob): void {
    const { model, drawing } = this.#app;
    if (!model || !drawing) return;
    const { raster, inexact } = rasterOf(rgbaOf(picture), sizeOf(picture), model.layout);
    const name = file instanceof File ? file.name.replace(/\.\w+$/, '') : 'Picture';
    if (!drawing.addLayer(name, scaled(raster, drawing.width, drawing.height))) {
      this.#app.emit('notice', 'There are as many layers as there may be: delete one first.');
      return;
    }
    tellInexact(this.#app, name, inexact);
  }

  async #pickFile(use: Use): Promise<void> {
    const input = el('input', { type: 'file', accept: 'image/*' });
    input.click();
    await new Promise((resolve) => input.addEventListener('change', resolve, { once: true }));
    const [file] = input.files ?? [];
    if (file) await this.take(file, use);
  }

  #listen(): void {
    const takeAll = (files: FileList | undefined): boolean => {
      const file = [...(files ?? [])].find(({ type }) => type.startsWith('image/'));
      const { model } = this.#app;
      if (!file || !model) return false;
      void this.take(file, usesOf(model));
      return true;
    };
    addEventListener('paste', (event) => {
      if (takeAll(event.clipboardData?.files)) event.preventDefault();
    });
    addEventListener('dragover', (event) => {
      event.preventDefault();
      document.body.classList.add('dropping');
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) document.body.classList.remove('dropping');
    });
    addEventListener('drop', (event) => {
      event.preventDefault();
      document.body.classList.remove('dropping');
      if (!takeAll(event.dataTransfer?.files)) {
        this.#app.emit('notice', 'Drop a picture: other files are not understood here.');
      }
    });
  }
}
