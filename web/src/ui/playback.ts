import type { ModelMessage } from '../../../src/play/live/messages.js';
import type { App } from '../app.js';
import { button, el, field, relabel, section, slider } from './dom.js';
import { say } from './notices.js';
import type { Shortcut } from './shortcuts.js';

const MOST_SEED = 2 ** 31 - 1;
const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** A seed that nobody chose. */
const drawSeed = (): number => {
  const [word] = crypto.getRandomValues(new Uint32Array(1));
  return word! % MOST_SEED;
};

/** Play, pause, step and reset, below the pictures. */
export class Playback {
  readonly element: HTMLElement;
  readonly shortcuts: readonly Shortcut[];

  constructor(app: App) {
    const play = button({
      icon: 'pause',
      label: 'Pause',
      key: 'Space',
      class: 'main',
      onClick: () => toggle(),
    });
    play.id = 'play';
    const toggle = (): void => {
      app.client?.send({ type: app.state?.playing ? 'pause' : 'play' });
    };
    const step = (): void => app.client?.send({ type: 'step' });
    const reset = (): void => {
      app.beginAgain();
      say('The world begins again');
    };
    this.element = el(
      'div',
      { class: 'playback', role: 'group', 'aria-label': 'Play' },
      play,
      button({ icon: 'step', label: 'One frame', key: '.', onClick: step }),
      button({
        icon: 'reset',
        label: 'Begin again: forget the past',
        key: 'Shift+R',
        onClick: reset,
      }),
    );
    app.on('state', ({ playing }) => {
      relabel(play, playing ? 'pause' : 'play', playing ? 'Pause' : 'Play');
    });
    this.shortcuts = [
      { keys: 'Space or K', does: 'Play or pause', run: toggle },
      { keys: '.', does: 'One frame', run: step },
      { keys: 'Shift+R', does: 'Begin again: forget the past', run: reset },
      {
        keys: 'G',
        does: 'Other noise: a new seed',
        run: () => app.client?.send({ type: 'seed', seed: drawSeed() }),
      },
    ];
  }
}

/** Seed, speed, frames a second, size and look, in the panel. */
export function worldSection(app: App): HTMLElement {
  const seed = el('input', {
    type: 'number',
    min: 0,
    max: MOST_SEED,
    step: 1,
    inputmode: 'numeric',
  });
  const setSeed = (value: number): void => {
    app.client?.send({ type: 'seed', seed: value });
  };
  seed.addEventListener('change', () => {
    if (seed.value !== '' && seed.validity.valid) setSeed(Number(seed.value));
    else seed.value = String(app.state?.seed ?? 0);
  });
  const seedField = field(
    'Seed',
    seed,
    button({ icon: 'dice', label: 'Another seed', key: 'G', onClick: () => setSeed(drawSeed()) }),
  );
  const fps = slider({
    name: 'Frames a second',
    least: 1,
    most: 60,
    value: 25,
    onInput: (value) => app.client?.send({ type: 'fps', fps: value }),
  });
  const speed = slider({
    name: 'Speed',
    least: 0,
    most: SPEEDS.length - 1,
    value: SPEEDS.indexOf(1),
    shown: (at) => `${SPEEDS[at] ?? 1}×`,
    onInput: (at) => app.client?.send({ type: 'speed', speed: SPEEDS[at] ?? 1 }),
  });
  const size = el('select', {});
  size.addEventListener('change', () => {
    const [width, height] = size.value.split('x').map(Number);
    app.client?.send({ type: 'size', width: width!, height: height! });
  });
  const sizeField = field('Size', size);
  const look = el('select', {});
  look.addEventListener('change', () => {
    app.client?.send({ type: 'style', style: look.value === '' ? null : look.value });
  });
  const lookField = field('Look', look);
  app.on('model', (model) => {
    seedField.hidden = !model.noise;
    lookField.hidden = model.styles.length === 0;
    look.replaceChildren(
      el('option', { value: '' }, 'The mean of all'),
      ...model.styles.map(({ clip }) => el('option', { value: clip }, clip)),
    );
    const sizes = sizesOf(model);
    sizeField.hidden = sizes.length < 2;
    size.replaceChildren(
      ...sizes.map(([width, height]) =>
        el('option', { value: `${width}x${height}` }, `${width} × ${height}`),
      ),
    );
    size.value = `${model.width}x${model.height}`;
  });
  app.on('state', (state) => {
    if (document.activeElement !== seed) seed.value = String(state.seed);
    fps.set(state.fps);
    const at = SPEEDS.findIndex((each) => each >= state.speed);
    speed.set(at < 0 ? SPEEDS.length - 1 : at);
    const same = app.model?.styles.find(
      ({ code }) => state.style?.every((number, i) => Math.abs(number - code[i]!) < 1e-4) ?? false,
    );
    look.value = same?.clip ?? '';
  });
  return section('World', lookField, seedField, fps.element, speed.element, sizeField);
}

let trained: readonly [number, number] | null = null;

/** Sizes worth a choice: those of the same shape as the training's, which is the first that was told. */
function sizesOf({ width, height, fixed }: ModelMessage): (readonly [number, number])[] {
  trained ??= [width, height];
  if (fixed) return [[width, height]];
  const [w, h] = trained;
  const sizes = [0.5, 0.75, 1, 1.5, 2, 3, 4].map(
    (scale) => [4 * Math.round((w * scale) / 4), 4 * Math.round((h * scale) / 4)] as const,
  );
  const isKnown = sizes.some(([x, y]) => x === width && y === height);
  return (isKnown ? sizes : [...sizes, [width, height] as const]).filter(
    ([x, y]) => x >= 32 && y >= 32 && x * y <= 1024 * 1024,
  );
}
