import type { ModelMessage } from '../../../src/play/live/messages.js';
import type { App } from '../app.js';
import { button, el } from './dom.js';

interface Parts {
  readonly engine: HTMLElement;
  readonly views: HTMLElement;
  readonly theme: HTMLElement;
  readonly help: HTMLDialogElement;
}

const CONTENT = { none: 'no condition', image: 'pictures', labels: 'labels' } as const;

/** What a model is told. */
function contentOf({ layout: { content, actions } }: ModelMessage): string {
  if (!actions) return CONTENT[content];
  return content === 'none' ? 'actions' : `${CONTENT[content]} + actions`;
}

/** Name, model, and what concerns the whole page. */
export function header(app: App, { engine, views, theme, help }: Parts): HTMLElement {
  const name = el('strong', {}, '');
  const about = el('span', { class: 'about-model' }, '');
  const connection = el('span', { class: 'connection', role: 'status' }, '');
  app.on('model', (model) => {
    name.textContent = model.name;
    about.textContent = [
      contentOf(model),
      `${model.width} × ${model.height}`,
      `step ${model.step}`,
    ].join(' · ');
  });
  app.on('transport', (state) => {
    const isOpen = state.kind === 'open';
    connection.hidden = isOpen;
    connection.textContent = state.kind === 'opening' ? `${state.doing} …` : 'ended';
    document.body.classList.toggle('connected', isOpen);
    if (state.kind === 'closed' && state.error) {
      const { message, hint = null } = state.error;
      app.emit('problem', { message, hint, fatal: true });
    }
  });
  return el(
    'header',
    { class: 'top' },
    brand(),
    el('div', { class: 'model' }, name, about, connection),
    el(
      'div',
      { class: 'top-tools' },
      engine,
      views,
      theme,
      button({
        icon: 'help',
        label: 'Keyboard and help',
        key: '?',
        onClick: () => help.showModal(),
      }),
    ),
  );
}

/** Whose page it is. */
export const brand = (): HTMLElement =>
  el('div', { class: 'brand' }, mark(), el('h1', {}, 'Frameloom'));

const SVG = 'http://www.w3.org/2000/svg';

/** Warp and weft. */
function mark(): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  for (const [d, thread] of [
    ['M4 7h16M4 12h16M4 17h16', 'weft'],
    ['M8 4v16M16 4v16', 'warp'],
  ] as const) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', thread);
    svg.append(path);
  }
  return svg;
}
