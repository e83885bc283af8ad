import { isFrameloomError, messageOf } from '../../../src/base/error.js';
import { API, type RecorderAbout } from '../../../src/serve/page-api.js';
import { authorization } from '../engine/authorization.js';
import { fetchBytes } from '../engine/fetch-bytes.js';
import { takeToken } from '../engine/site.js';
import { el } from '../ui/dom.js';
import { Recorder } from './recorder.js';

async function open(place: HTMLElement): Promise<void> {
  const base = document.baseURI;
  const token = takeToken();
  const url = new URL(API.recorder, base).href;
  const text = new TextDecoder().decode(await fetchBytes(url, authorization(token)));
  const recorder = new Recorder({ base, token }, JSON.parse(text) as RecorderAbout);
  place.replaceChildren(recorder.element);
}

const place = document.querySelector<HTMLElement>('#page')!;
open(place).catch((error: unknown) => {
  const hint = isFrameloomError(error) ? error.hint : undefined;
  place.replaceChildren(
    el(
      'div',
      { class: 'closed', role: 'alert' },
      el('h1', {}, 'Frameloom record'),
      el('p', {}, messageOf(error)),
      hint !== undefined && el('p', { class: 'about' }, hint),
    ),
  );
});
