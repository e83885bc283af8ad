import { isFrameloomError, messageOf } from '../../../src/base/error.js';
import { el } from './dom.js';

/** In the place of a page that could not be opened: what it was to be, and why it is not. */
export function showClosed(place: HTMLElement, title: string, error: unknown): void {
  const hint = isFrameloomError(error) ? error.hint : undefined;
  place.replaceChildren(
    el(
      'div',
      { class: 'closed', role: 'alert' },
      el('h1', {}, title),
      el('p', {}, messageOf(error)),
      hint !== undefined && el('p', { class: 'about' }, hint),
    ),
  );
}
