import { messageOf } from '../../../src/base/error.js';
import type { RecorderAbout } from '../../../src/serve/page-api.js';
import type { ServerSource } from '../engine/worker-messages.js';
import { actionValues, mappedKeys, type Mapping } from '../input/mapping.js';
import { button, el, relabel } from '../ui/dom.js';
import { brand } from '../ui/header.js';
import { chosenMapping, keyCaps, MappingDialog } from '../ui/mapping-dialog.js';
import { notice, noticesElement, problem, say } from '../ui/notices.js';
import { themeButton } from '../ui/theme.js';
import { GameSource } from './game-source.js';
import { howToTap, notesFor } from './notes.js';
import { ScreenSource } from './screen-source.js';
import type { HeldNow, Source } from './source.js';
import { takeSize } from './take-size.js';
import { TakeWriter, type RecordedTake } from './take-writer.js';

/** Shares of frames that show the picture before, from which it is worth a word. */
const MANY_REPEATED = 0.02;
/** So long a game may take to load the tap before it is said how. */
const PATIENCE_MS = 4000;

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** The page of `frameloom record`. */
export class Recorder {
  readonly element: HTMLElement;
  readonly #server: Pick<ServerSource, 'base' | 'token'>;
  readonly #about: RecorderAbout;
  readonly #source: Source;
  readonly #dialog: MappingDialog;
  readonly #record: HTMLButtonElement;
  readonly #facts = el('span', { class: 'elapsed', role: 'timer' }, '');
  readonly #held = el('div', { class: 'held', role: 'group', 'aria-label': 'What is held' });
  readonly #takes = el('ul', { class: 'takes' });
  #mapping: Mapping = {};
  #take: TakeWriter | null = null;
  #chips: readonly { readonly element: HTMLElement; readonly show: (value: number) => void }[] = [];

  constructor(server: Pick<ServerSource, 'base' | 'token'>, about: RecorderAbout) {
    this.#server = server;
    this.#about = about;
    const { game } = about;
    this.#dialog = new MappingDialog((mapping) => this.#map(mapping));
    this.#source = game
      ? new GameSource(game.url)
      : new ScreenSource((code) => !this.#dialog.element.open && this.#isMapped(code));
    this.#record = button({
      icon: 'record',
      label: 'Record',
      class: 'record',
      showLabel: true,
      onClick: () => void this.#toggle(),
    });
    this.element = this.#build();
    this.#map(chosenMapping(about.columns));
    this.#source.onChange = () => this.#show();
    this.#source.onHeld = (held) => {
      this.#dialog.learnFrom(held.pads);
      this.#showHeld(held);
    };
    this.#show();
    if (game && this.#source instanceof GameSource) this.#waitForTap(this.#source);
    addEventListener('beforeunload', (event) => {
      if (this.#take) event.preventDefault();
    });
  }

  #build(): HTMLElement {
    const { columns, fps, folder } = this.#about;
    const names = columns.map(({ name }) => name).join(', ');
    return el(
      'div',
      { class: 'recorder' },
      el(
        'header',
        { class: 'top' },
        brand(),
        el(
          'div',
          { class: 'model' },
          el('strong', {}, 'record'),
          el('span', { class: 'about-model' }, `${names} · ${fps} frames/s · ${folder}`),
        ),
        el('div', { class: 'top-tools' }, themeButton().element),
      ),
      el('main', {}, this.#source.element),
      el(
        'div',
        { class: 'bar' },
        this.#record,
        this.#facts,
        this.#held,
        button({
          icon: 'pad',
          label: 'Keys and gamepad',
          onClick: () => this.#dialog.element.showModal(),
        }),
      ),
      el(
        'aside',
        { class: 'panel', 'aria-label': 'Takes' },
        notesFor(this.#about),
        el('div', { class: 'notes' }, el('h2', {}, 'Takes'), this.#takes),
      ),
      noticesElement(),
      this.#dialog.element,
    );
  }

  #waitForTap(source: GameSource): void {
    setTimeout(() => {
      if (source.hasTap) return;
      const how = howToTap();
      this.element.querySelector('.panel')?.prepend(how);
      const { onChange } = source;
      source.onChange = () => {
        how.remove();
        onChange();
      };
    }, PATIENCE_MS);
  }

  #isMapped(code: string): boolean {
    return mappedKeys(this.#mapping).has(code);
  }

  #map(mapping: Mapping): void {
    this.#mapping = mapping;
    this.#dialog.show(this.#about.columns, mapping);
    this.#chips = this.#about.columns.map((column) => {
      const value = el('output', {}, '0.00');
      const chip = el(
        'span',
        { class: 'held-column', 'data-column': column.name },
        column.name,
        keyCaps(mapping[column.name]),
        column.kind === 'axis' && value,
      );
      return {
        element: chip,
        show: (now: number) => {
          chip.toggleAttribute('data-held', now !== column.default);
          value.textContent = now.toFixed(2);
        },
      };
    });
    this.#held.replaceChildren(...this.#chips.map(({ element }) => element));
  }

  #valuesOf({ keys, pads }: HeldNow): number[] {
    const held = { keys, pads, touched: new Map<string, number>() };
    const values = actionValues(this.#about.columns, this.#mapping, held);
    return this.#about.columns.map(({ name }) => values[name] ?? 0);
  }

  #showHeld(held: HeldNow): void {
    const values = this.#valuesOf(held);
    for (const [at, { show }] of this.#chips.entries()) show(values[at] ?? 0);
  }

  #show(): void {
    const isOn = this.#take !== null;
    this.#record.disabled = !isOn && this.#source.size === null;
    this.#record.classList.toggle('on', isOn);
    relabel(this.#record, isOn ? 'stop' : 'record', isOn ? 'Stop' : 'Record');
    const take = this.#take;
    if (take) {
      const lost = take.lost === 0 ? '' : ` · ${take.lost} lost`;
      this.#facts.textContent = `${clock(take.frames / this.#about.fps)} · ${take.frames} frames · ${take.repeated} repeated${lost}`;
    } else if (this.#source.size) {
      const { width, height } = this.#about.size ?? takeSize(this.#source.size);
      this.#facts.textContent = `${width} × ${height}`;
    } else this.#facts.textContent = 'no picture yet';
  }

  async #toggle(): Promise<void> {
    if (this.#take) return this.#end(null);
    const picture = this.#source.size;
    if (!picture) return;
    const { fps } = this.#about;
    const size = this.#about.size ?? takeSize(picture);
    const take = new TakeWriter(this.#server, { ...size, fps });
    this.#take = take;
    take.onFail = () => void this.#end(null);
    let [shownAt, frames] = [0, 0];
    this.#source.start(
      { ...size, fps },
      {
        onFrame: (rgb, held) => {
          take.add(rgb, this.#valuesOf(held));
          frames += 1;
          if (frames - shownAt < fps / 4) return;
          shownAt = frames;
          this.#show();
        },
        onMissed: (count) => take.missed(count),
        onEnd: (why) => void this.#end(why),
      },
    );
    say('Recording');
    this.#show();
  }

  /** @param why it ended by itself */
  async #end(why: string | null): Promise<void> {
    const take = this.#take;
    if (!take) return;
    this.#source.stop();
    this.#take = null;
    this.#show();
    if (why !== null) notice(`The take ended: ${why}.`);
    try {
      this.#list(take, await take.end());
      say('Recorded');
    } catch (error) {
      problem({ message: `the take is not written: ${messageOf(error)}`, hint: null });
    }
  }

  #list(take: TakeWriter, { folder, files }: RecordedTake): void {
    const { fps, game } = this.#about;
    const words = [`${files.frames} frames, ${clock(files.frames / fps)}`];
    if (take.repeated > 0) words.push(`${take.repeated} show the picture before once more`);
    const isSlow = game !== null && take.repeated - take.lost > MANY_REPEATED * files.frames;
    const drawn = Math.max(1, Math.floor((fps * (files.frames - take.repeated)) / files.frames));
    this.#takes.prepend(
      el(
        'li',
        {},
        el('strong', {}, files.video),
        el('p', { class: 'about' }, `${words.join('; ')}. In ${folder}`),
        take.lost > 0 &&
          el('p', { class: 'warm' }, `${take.lost} pictures were lost: record smaller ones.`),
        isSlow &&
          el(
            'p',
            { class: 'warm' },
            `The game drew about ${drawn} frames a second: take --fps ${drawn}.`,
          ),
      ),
    );
  }
}
