import { API, subprotocols } from '../../../src/serve/page-api.js';
import type { TrainingMessage, TrainingProgress } from '../../../src/serve/training-messages.js';
import type { App } from '../app.js';
import type { ServerApi } from '../session/api.js';
import { button, el } from '../ui/dom.js';
import { say } from '../ui/notices.js';
import { Chart } from './chart.js';
import { Curves, duration } from './curve.js';

const STATES: Readonly<Record<TrainingProgress['state'], string>> = {
  starting: 'Beginning',
  training: 'Training',
  evaluating: 'Measuring',
  ended: 'Ended',
  lost: 'Lost: its process is gone',
};
const MOST_EVENTS = 50;
/** Between two attempts to reach a server that has gone. */
const AGAIN_MS = 2000;

/** A training that is under way: how far it is and how it goes, curves, samples, and its newest weights to play with. */
export class TrainingView {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #api: ServerApi;
  readonly #open: () => WebSocket;
  readonly #title = el('strong', {}, 'Training');
  readonly #facts = el('span', { class: 'training-facts' }, '');
  readonly #health = el('span', { class: 'health' }, '');
  readonly #bar = el('progress', { max: 1, 'aria-label': 'How far the training is' });
  readonly #charts = el('div', { class: 'charts' });
  readonly #sample = el('img', { alt: '', hidden: true });
  readonly #sampleStep = el('small', {}, '');
  readonly #events = el('ol', { class: 'events', 'aria-label': 'What happened' });
  readonly #play: HTMLButtonElement;
  readonly #curves = new Curves();
  readonly #drawn = new Map<string, Chart>();
  #snapshot: number | null = null;
  #sampleUrl: string | null = null;

  constructor(app: App, api: ServerApi, base: string, token: string) {
    this.#app = app;
    this.#api = api;
    this.#open = () => {
      const url = new URL(API.training, base);
      url.protocol = url.protocol.replace('http', 'ws');
      return new WebSocket(url, subprotocols(token));
    };
    this.#play = button({
      icon: 'play',
      label: 'Nothing to play yet',
      showLabel: true,
      class: 'small',
      onClick: () => this.#playNewest(),
    });
    this.#play.disabled = true;
    this.element = el(
      'section',
      { class: 'training', 'aria-label': 'Training' },
      el('div', { class: 'training-line' }, this.#title, this.#facts, this.#health, this.#play),
      this.#bar,
      el(
        'details',
        { class: 'training-more', open: true },
        el('summary', {}, 'Curves and samples'),
        el(
          'div',
          { class: 'training-body' },
          this.#charts,
          el('figure', { class: 'sample' }, this.#sample, this.#sampleStep),
          this.#events,
        ),
      ),
    );
    this.#connect();
  }

  #connect(): void {
    const socket = this.#open();
    let isEnded = false;
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data as string) as TrainingMessage;
      if (message.type === 'progress') {
        isEnded = message.state === 'ended' || message.state === 'lost';
      }
      this.#take(message);
    });
    socket.addEventListener('close', () => {
      if (isEnded) return;
      this.#facts.textContent = 'the server does not answer; trying again';
      setTimeout(() => this.#connect(), AGAIN_MS);
    });
  }

  #take(message: TrainingMessage): void {
    switch (message.type) {
      case 'progress':
        this.#showProgress(message);
        break;
      case 'curves':
        this.#curves.take(message);
        this.#showCurves(message.replace);
        break;
      case 'event': {
        const { step, kind, word, text } = message;
        this.#events.prepend(
          el(
            'li',
            { class: kind },
            el('strong', {}, word),
            ` ${text} `,
            el('small', {}, `step ${step}`),
          ),
        );
        while (this.#events.children.length > MOST_EVENTS) this.#events.lastElementChild?.remove();
        break;
      }
      case 'sample':
        void this.#showSample(message.path, message.step);
        break;
      case 'snapshot':
        this.#showSnapshot(message.step);
        break;
    }
  }

  #showProgress(progress: TrainingProgress): void {
    const { state, step, steps, share, etaSeconds, framesPerSecond, doing, health } = progress;
    this.#title.textContent = STATES[state];
    this.#facts.textContent = [
      steps === null ? `step ${step}` : `step ${step} of ${steps}`,
      framesPerSecond !== null && `${framesPerSecond.toFixed(1)} frames/s`,
      etaSeconds !== null && state !== 'ended' && `${duration(etaSeconds)} left`,
      doing,
    ]
      .filter((part) => typeof part === 'string')
      .join(' · ');
    this.#health.textContent = health ?? '';
    this.#health.classList.toggle('bad', health !== null && health !== 'healthy');
    if (share === null) this.#bar.removeAttribute('value');
    else this.#bar.value = share;
    if (progress.ending) {
      this.#facts.textContent += ` · ${progress.ending.why}`;
      this.#bar.value = 1;
    }
  }

  #showCurves(replace: boolean): void {
    if (replace) {
      this.#drawn.clear();
      this.#charts.replaceChildren();
    }
    const order = ['held-out', 'losses', 'signals'];
    const sorted = this.#curves.all.toSorted(
      (a, b) => order.indexOf(a.about.group) - order.indexOf(b.about.group),
    );
    for (const { about, points } of sorted) {
      const chart = this.#drawn.get(about.name) ?? new Chart(about.title);
      if (!this.#drawn.has(about.name)) {
        this.#drawn.set(about.name, chart);
        chart.element.dataset.group = about.group;
        // Among its own kind: held-out measures stay in front.
        const next = [...this.#charts.children].find(
          (other) =>
            order.indexOf((other as HTMLElement).dataset.group ?? '') > order.indexOf(about.group),
        );
        this.#charts.insertBefore(chart.element, next ?? null);
      }
      chart.show(points);
    }
  }

  async #showSample(path: string, step: number): Promise<void> {
    try {
      const blob = await this.#api.fetchFile(path);
      if (this.#sampleUrl !== null) URL.revokeObjectURL(this.#sampleUrl);
      this.#sampleUrl = URL.createObjectURL(blob);
      this.#sample.src = this.#sampleUrl;
      this.#sample.alt = `Samples of step ${step}: condition, generated and real frames`;
      this.#sample.hidden = false;
      this.#sampleStep.textContent = `Samples of step ${step}`;
    } catch {
      // The training removes old ones: the next is on its way.
      this.#sampleStep.textContent = `The samples of step ${step} are gone already`;
    }
  }

  #showSnapshot(step: number): void {
    const isFirst = this.#snapshot === null;
    this.#snapshot = step;
    const playing = this.#app.model?.step;
    this.#play.disabled = playing === step;
    this.#play.querySelector('.label')!.textContent = `Play step ${step}`;
    // Nothing could be played before: now it can.
    if (isFirst && !this.#app.model) this.#playNewest();
  }

  #playNewest(): void {
    const name =
      this.#app.engine ?? this.#app.engines.find((each) => each.unavailable === null)?.name;
    if (!name) return;
    this.#app.use(name);
    this.#play.disabled = true;
    say('The newest snapshot is played');
  }
}
