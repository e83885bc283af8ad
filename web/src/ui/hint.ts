import type { App } from '../app.js';
import { el } from './dom.js';
import { remembered } from './remembered.js';

/** A line that tells somebody new what to do, until they have done it once. It takes no click. */
export function firstHint(app: App): HTMLElement {
  const text = el('span', {}, '');
  const hint = el('p', { class: 'first-hint', role: 'note', hidden: true }, text);
  app.on('model', ({ layout }) => {
    hint.hidden = remembered.hasDrawn.get() || layout.content === 'none';
    text.textContent =
      layout.content === 'labels'
        ? 'Pick something in the palette and paint over your drawing: the world answers at once.'
        : 'Draw over the picture: the world answers at once.';
    if (layout.content === 'none' && layout.actions) {
      hint.hidden = remembered.hasDrawn.get();
      text.textContent = 'Press the keys below: the world moves.';
    }
  });
  app.on('drawn', () => {
    hint.hidden = true;
    remembered.hasDrawn.set(true);
  });
  return hint;
}
