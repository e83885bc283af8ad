import type { App } from '../app.js';
import type { AppEvents } from '../app.js';
import { PageRecorder } from '../session/page-recorder.js';
import type { ServerApi } from '../session/api.js';
import { download } from '../session/pictures.js';
import { button, el, relabel } from './dom.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';

type Recorded = AppEvents['recorded'];

const HOLDS: Readonly<Record<Recorded['files'][number]['holds'], string>> = {
  video: 'Video',
  condition: 'Conditions',
  actions: 'Actions',
  pipeline: 'Pipeline to train on it',
};

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

const bytesOf = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

/** Records the world with what it was made of, and plays it back. */
export class Recording {
  /** The button, and how long it has been going. */
  readonly element: HTMLElement;
  readonly dialog: HTMLDialogElement;
  readonly shortcuts: readonly Shortcut[];
  readonly #app: App;
  readonly #api: ServerApi | null;
  readonly #body = el('div', { class: 'recorded' });
  readonly #world: HTMLCanvasElement;
  #own: PageRecorder | null = null;
  #tell: (isOn: boolean) => void = () => undefined;
  #since = 0;
  #url: string | null = null;

  /** @param world the canvas that shows the frames: where no server records, the page does */
  constructor(app: App, api: ServerApi | null, world: HTMLCanvasElement) {
    this.#app = app;
    this.#world = world;
    this.#api = api;
    const time = el('span', { class: 'elapsed', hidden: true, role: 'timer' }, '0:00');
    const record = button({
      icon: 'record',
      label: 'Record',
      key: 'C',
      class: 'record',
      showLabel: true,
      onClick: () => this.#toggle(),
    });
    this.element = el('div', { class: 'recording' }, record, time);
    this.dialog = el(
      'dialog',
      { class: 'playback-dialog', 'aria-labelledby': 'recorded-title' },
      el(
        'header',
        {},
        el('h2', { id: 'recorded-title' }, 'Recorded'),
        button({ icon: 'close', label: 'Close', onClick: () => this.dialog.close() }),
      ),
      this.#body,
    );
    this.dialog.addEventListener('close', () => this.#forget());
    let isOn = false;
    this.#tell = (recording) => {
      if (recording === isOn) return;
      isOn = recording;
      this.#since = performance.now();
      time.hidden = !recording;
      time.textContent = clock(0);
      record.classList.toggle('on', recording);
      relabel(record, recording ? 'stop' : 'record', recording ? 'Stop recording' : 'Record');
      say(recording ? 'Recording' : 'Recording ended');
    };
    app.on('state', ({ recording }) => {
      if (!this.#own) this.#tell(recording);
    });
    // Another engine makes other frames: what was recorded of the last one ends.
    app.on('engine', () => void this.#endOwn());
    setInterval(() => {
      if (isOn) time.textContent = clock((performance.now() - this.#since) / 1000);
    }, 250);
    app.on('recorded', (recorded) => void this.#show(recorded));
    this.shortcuts = [
      { keys: 'C', does: 'Record, or end the recording', run: () => this.#toggle() },
    ];
  }

  #toggle(): void {
    const { client, state, model } = this.#app;
    if (!client || !state || !model) return;
    if (model.can.record) client.send({ type: 'record', on: !state.recording });
    else if (this.#own) void this.#endOwn();
    else {
      this.#own = new PageRecorder(this.#app, this.#world);
      this.#tell(true);
    }
  }

  async #endOwn(): Promise<void> {
    const own = this.#own;
    if (!own) return;
    this.#own = null;
    this.#tell(false);
    await this.#show(await own.end());
  }

  async #show({ folder, frames, files }: Recorded): Promise<void> {
    const video = files.find(({ holds, url }) => holds === 'video' && url !== null);
    const player = el('video', { controls: true, loop: true, playsinline: true });
    const list = el(
      'ul',
      { class: 'files' },
      ...files.map(({ holds, name, bytes, url }) =>
        el(
          'li',
          {},
          el('span', {}, `${HOLDS[holds]} `, el('small', {}, `${name}, ${bytesOf(bytes)}`)),
          url !== null &&
            button({
              icon: 'save',
              label: `Download ${name}`,
              onClick: () => void this.#fetch(url).then((blob) => blob && download(blob, name)),
            }),
        ),
      ),
    );
    this.#body.replaceChildren(
      ...(video ? [player] : []),
      el('p', {}, `${frames} frames`, folder === null ? '' : ` in ${folder}`),
      list,
    );
    if (!this.dialog.open) this.dialog.showModal();
    if (!video?.url) return;
    const blob = await this.#fetch(video.url);
    if (!blob) return;
    this.#forget();
    this.#url = URL.createObjectURL(blob);
    player.src = this.#url;
    await player.play().catch(() => {
      // A browser may want a click before anything plays; its own button is there.
    });
  }

  /** A file of the recording; what fails is told. */
  async #fetch(url: string): Promise<Blob | null> {
    try {
      if (this.#api && !url.startsWith('blob:')) return await this.#api.fetchFile(url);
      return await (await fetch(url)).blob();
    } catch (error) {
      this.#app.emit('problem', {
        message: error instanceof Error ? error.message : String(error),
        hint: null,
        fatal: false,
      });
      return null;
    }
  }

  #forget(): void {
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }
}
