import { TAP_FILE, type RecorderAbout } from '../../../src/serve/page-api.js';
import { el } from '../ui/dom.js';

/** What a person has to know before a take. */
export function notesFor({ game }: RecorderAbout): HTMLElement {
  const lines = game
    ? [
        'Click into the game and play. Each frame is written with the keys and the gamepad as the game had been told them when it drew it.',
        'Of several canvases the largest is recorded; what lies over it in HTML is not in the picture.',
      ]
    : [
        'Choose what to capture, and keep this page in sight: a browser gives no pictures to a page that nobody sees.',
        'Keys are heard only while this page has the focus. A game in another window, or one that is no page, does not share its keys with anybody: of it gamepads alone are recorded, by browsers that tell them to every page in sight.',
        'For a game that is a page, end this and begin with --game: then its own keys are recorded.',
      ];
  return el('div', { class: 'notes' }, ...lines.map((line) => el('p', { class: 'about' }, line)));
}

/** For a page that somebody else serves, which must load the tap itself. */
export const howToTap = (): HTMLElement =>
  el(
    'div',
    { class: 'notes', role: 'status' },
    el('p', {}, 'The game has not loaded the recorder’s script yet. Put it first into its head:'),
    el('code', {}, `<script src="${new URL(TAP_FILE, location.origin).href}"></script>`),
    el(
      'p',
      { class: 'about' },
      'Start frameloom record with --port to keep this address. A page that may not be framed (X-Frame-Options) cannot be recorded here.',
    ),
  );
