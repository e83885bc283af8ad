import { button, el } from './dom.js';

/** Something that a key does. */
export interface Shortcut {
  /** As people read it, and as it is matched: `B`, `Ctrl+Z`, `Shift+R`, `[`, `Space`, `1–9`. */
  readonly keys: string;
  readonly does: string;
  /** @param index of several keys which one */
  readonly run: (index: number) => void;
}

export interface ShortcutGroup {
  readonly title: string;
  readonly shortcuts: readonly Shortcut[];
}

const DIGITS = '1–9';

/** What an event is called here. Letters are those that are printed, whatever the layout. */
function nameOf(event: KeyboardEvent): string {
  const held = [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : ''];
  const isLetter = /^[a-z]$/i.test(event.key);
  const key = event.key === ' ' ? 'Space' : isLetter ? event.key.toUpperCase() : event.key;
  // Of signs such as ? or { Shift is a part of the sign.
  if (event.shiftKey && (isLetter || event.key.length > 1)) held.push('Shift');
  return [...held.filter(Boolean), key].join('+');
}

/** Whether what is typed is meant for what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'button'].includes(target.type);
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}

/** Keys that press a button or open a list, where one has the focus. */
const PRESSES = new Set(['Space', 'Enter']);

/**
 * Listens for the keys of all groups.
 * @param isTaken whether a key is for the world, whose actions it drives
 */
export function listen(
  groups: readonly ShortcutGroup[],
  isTaken: (event: KeyboardEvent) => boolean,
): void {
  const byKey = new Map<string, () => void>();
  for (const { keys, run } of groups.flatMap(({ shortcuts }) => shortcuts)) {
    if (keys === DIGITS) {
      for (let digit = 1; digit < 10; digit += 1) byKey.set(String(digit), () => run(digit - 1));
    } else
      for (const [index, key] of keys.split(' or ').entries()) byKey.set(key, () => run(index));
  }
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') || isTaken(event)) return;
    const name = nameOf(event);
    const isPressing =
      event.target instanceof HTMLElement && event.target.closest('button, summary, input, a');
    if (isPressing && PRESSES.has(name)) return;
    const run = byKey.get(name);
    if (!run) return;
    event.preventDefault();
    run();
  });
}

export const digits = DIGITS;

/** All keys and what they do, as a dialog. */
export function helpDialog(groups: readonly ShortcutGroup[]): HTMLDialogElement {
  const dialog = el(
    'dialog',
    { class: 'help', 'aria-labelledby': 'help-title' },
    el(
      'header',
      {},
      el('h2', { id: 'help-title' }, 'Keyboard'),
      button({ icon: 'close', label: 'Close', onClick: () => dialog.close() }),
    ),
    el(
      'div',
      { class: 'groups' },
      ...groups.map(({ title, shortcuts }) =>
        el(
          'section',
          {},
          el('h3', {}, title),
          el(
            'dl',
            {},
            ...shortcuts.flatMap(({ keys, does }) => [
              el('dt', {}, ...keysOf(keys)),
              el('dd', {}, does),
            ]),
          ),
        ),
      ),
    ),
  );
  // A click beside it closes it, as people expect.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}

const keysOf = (keys: string): HTMLElement[] =>
  keys
    .split(' or ')
    .map((each) =>
      el('span', { class: 'keys' }, ...each.split(/(?<=.)\+/).map((key) => el('kbd', {}, key))),
    );
