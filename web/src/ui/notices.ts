import type { Problem } from '../session/client.js';
import { button, el } from './dom.js';

/** Two notices that say the same in so short a time are one. */
const SAME_MS = 4000;
const SHOWN_MS = 7000;
const MOST = 3;

const polite = el('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
const list = el('div', { class: 'notices', role: 'region', 'aria-label': 'Messages' });
const recent = new Map<string, number>();

/** Tells screen readers something that others see. */
export function say(text: string): void {
  polite.textContent = text;
}

/** Tells everybody, for some seconds. */
export function notice(text: string): void {
  show(text, null, 'note');
}

/** Tells everybody what went wrong and what to do, until they have read it. */
export function problem({ message, hint }: Pick<Problem, 'message' | 'hint'>): void {
  show(message, hint, 'error');
}

function show(text: string, hint: string | null, kind: 'note' | 'error'): void {
  const now = performance.now();
  const key = `${kind} ${text}`;
  if (now - (recent.get(key) ?? -Infinity) < SAME_MS) return;
  recent.set(key, now);
  const line = el(
    'div',
    { class: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    el('p', {}, text, hint !== null && el('span', { class: 'hint' }, ` ${sentence(hint)}`)),
    button({ icon: 'close', label: 'Dismiss', onClick: () => line.remove() }),
  );
  list.append(line);
  while (list.children.length > MOST) list.firstElementChild?.remove();
  if (kind === 'note') setTimeout(() => line.remove(), SHOWN_MS);
}

/** What to do, as a sentence of its own. */
const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** Where the messages appear. */
export const noticesElement = (): HTMLElement => el('div', {}, polite, list);
