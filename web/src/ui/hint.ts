import type { App } from '../app.js';
import type { ModelMessage } from '../../../src/play/live/messages.js';
import { el } from './dom.js';
import { remembered } from './remembered.js';

/** A clip that is there sooner is not worth a word. */
const SOON_MS = 400;

const READING = 'Reading the clip …';

/** What somebody new may do; empty where there is nothing. */
function firstThing({ layout }: ModelMessage): string {
  if (layout.content === 'labels')
    return 'Pick something in the palette and paint over your drawing: the world answers at once.';
  if (layout.content !== 'none') return 'Draw over the picture: the world answers at once.';
  return layout.actions ? 'Press the keys below: the world moves.' : '';
}

/**
 * A line over the stage that takes no click. It tells somebody new what to do, until they have done it once; and that
 * a clip is still being read, where that takes a while and the world has nothing to be made of.
 */
export function firstHint(app: App): HTMLElement {
  const text = el('span', {}, '');
  const hint = el('p', { class: 'first-hint', role: 'note', hidden: true }, text);
  let slow: ReturnType<typeof setTimeout> | undefined;
  let isSlow = false;
  const show = (): void => {
    const first = app.model && !remembered.hasDrawn.get() ? firstThing(app.model) : '';
    const words = isSlow ? READING : first;
    // Not written again where it is the same: screen readers would read it again.
    if (text.textContent !== words) text.textContent = words;
    hint.hidden = words === '';
  };
  const wait = (): void => {
    clearTimeout(slow);
    isSlow &&= app.composer.isReading;
    if (app.composer.isReading && !isSlow) {
      slow = setTimeout(() => {
        isSlow = app.composer.isReading;
        show();
      }, SOON_MS);
    }
    show();
  };
  app.on('model', wait);
  app.on('below', wait);
  app.on('drawn', () => {
    remembered.hasDrawn.set(true);
    show();
  });
  return hint;
}
