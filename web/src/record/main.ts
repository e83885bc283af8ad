import { API, type RecorderAbout } from '../../../src/serve/page-api.js';
import { authorization } from '../engine/authorization.js';
import { fetchBytes } from '../engine/fetch-bytes.js';
import { takeToken } from '../engine/site.js';
import { showClosed } from '../ui/closed.js';
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
open(place).catch((error: unknown) => showClosed(place, 'Frameloom record', error));
