import type { App } from '../app.js';
import type { EngineName } from '../engine/transport.js';
import { el } from './dom.js';

const ms = (value: number | null): string =>
  value === null ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/** How fast it goes, beside the picture. */
export function figuresLine(app: App): HTMLElement {
  const fps = el('strong', {}, '–');
  const p95 = el('strong', {}, '–');
  const answer = el('strong', {}, '–');
  const answerItem = item(
    'stroke',
    answer,
    'From a stroke’s arrival to the frame made of it, 19 times in 20',
  );
  const late = el('strong', {}, '0');
  const lateItem = item('late', late, 'Frames that were due and not made: each took too long');
  lateItem.hidden = true;
  app.on('figures', (figures) => {
    fps.textContent = figures.fps === null ? '–' : figures.fps.toFixed(figures.fps < 10 ? 1 : 0);
    p95.textContent = ms(figures.p95Ms);
    answer.textContent = ms(figures.conditionP95Ms);
    answerItem.hidden = figures.conditionP95Ms === null;
    late.textContent = String(figures.dropped);
    lateItem.hidden = figures.dropped === 0;
  });
  return el(
    'div',
    { class: 'figures', role: 'group', 'aria-label': 'Figures' },
    item('fps', fps, 'Frames a second that are really made'),
    item('p95', p95, 'Of 20 frames 19 take no longer than this to make'),
    answerItem,
    lateItem,
  );
}

/** What runs the generator, and where. */
export function deviceLine(app: App): HTMLElement {
  const device = el('span', { class: 'device' });
  app.on('model', ({ engine }) => {
    const threads =
      engine.threads === null ? '' : `, ${engine.threads} thread${engine.threads === 1 ? '' : 's'}`;
    device.textContent = `${engine.name} · ${engine.device}${threads}`;
  });
  app.on('engine', () => (device.textContent = ''));
  return device;
}

const item = (name: string, value: HTMLElement, title: string): HTMLElement =>
  el('span', { class: 'figure', title }, value, el('span', { class: 'unit' }, ` ${name}`));

const NAMES: Readonly<Record<EngineName, string>> = {
  server: 'This machine',
  webgpu: 'This page, WebGPU',
  wasm: 'This page, WebAssembly',
};

/** Which engine runs the generator. */
export function engineChoice(app: App): HTMLElement {
  const select = el('select', { id: 'engine', 'aria-label': 'Engine' });
  select.append(
    ...app.engines.map(({ name, unavailable }) =>
      el(
        'option',
        { value: name, disabled: unavailable !== null, title: unavailable },
        unavailable === null ? NAMES[name] : `${NAMES[name]}: not here`,
      ),
    ),
  );
  select.addEventListener('change', () => app.use(select.value as EngineName));
  app.on('engine', (name) => (select.value = name));
  return select;
}
