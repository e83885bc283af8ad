import { FrameloomError } from '../../../src/base/error.js';
import { SITE_FORMAT, SITE_META, type ExportedSite } from '../../../src/serve/exported-site.js';
import { API, TOKEN_KEY, type LiveAbout } from '../../../src/serve/page-api.js';
import { authorization } from './authorization.js';
import { fetchBytes } from './fetch-bytes.js';
import { takeServiceWorker } from './offline.js';

/** Whose page this is: of a server that runs, or of a folder on any host. */
export type PageSite =
  | {
      readonly kind: 'server';
      /** Of the page, which all addresses are relative to. */
      readonly base: string;
      readonly token: string;
      readonly about: LiveAbout;
    }
  | {
      readonly kind: 'export';
      readonly base: string;
      readonly site: ExportedSite;
      /** Why it is not kept for offline use, in words; null where it is. */
      readonly online: string | null;
    };

/**
 * Says whose page this is. An exported one is loaded again the first time, by its service worker.
 * @throws FrameloomError not-found where the server has gone or takes the token for none, or the folder is not whole;
 *   bad-call without a token
 */
export async function findSite(): Promise<PageSite> {
  const base = document.baseURI;
  const meta = document.querySelector<HTMLMetaElement>(`meta[name="${SITE_META}"]`);
  if (meta) {
    const online = await takeServiceWorker(base);
    const site = (await fetchJson(new URL(meta.content, base).href)) as ExportedSite;
    const format: number = site.format;
    if (format !== SITE_FORMAT) {
      throw new FrameloomError('bad-input', `this folder is of format ${format}`, {
        hint: 'reload the page, or export the run again',
      });
    }
    return { kind: 'export', base, site, online };
  }
  const token = takeToken();
  const about = (await fetchJson(new URL(API.about, base).href, authorization(token))) as LiveAbout;
  return { kind: 'server', base, token, about };
}

async function fetchJson(url: string, headers?: Record<string, string>): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await fetchBytes(url, headers)));
}

/**
 * The token, out of the address, where the history, a bookmark or a picture of the screen would show it.
 * @throws FrameloomError bad-call where there is none
 */
export function takeToken(): string {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get(TOKEN_KEY);
  const kept = given ?? sessionStorage.getItem(TOKEN_KEY);
  if (kept === null) {
    throw new FrameloomError('bad-call', 'this address has no token', {
      hint: 'open the address that was printed, with all that follows the #',
    });
  }
  if (given === null) return kept;
  fragment.delete(TOKEN_KEY);
  const rest = fragment.toString();
  history.replaceState(
    history.state,
    '',
    `${location.pathname}${location.search}${rest === '' ? '' : `#${rest}`}`,
  );
  sessionStorage.setItem(TOKEN_KEY, given);
  return given;
}
