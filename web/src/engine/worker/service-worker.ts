/**
 * Of an exported page: answers from what it keeps, so that the page works without a network, and says with each answer
 * that the page is isolated from other sites, which many hosts cannot and threads need.
 */
import type { KeptSite } from '../../../../src/serve/exported-site.js';

declare const self: ServiceWorkerGlobalScope & { readonly FRAMELOOM_SITE: KeptSite };

const { hash, files } = self.FRAMELOOM_SITE;
/** Several exports may lie on one host. */
const PREFIX = `frameloom ${self.registration.scope} `;
const CACHE = `${PREFIX}${hash}`;

/** A file's path from the page's folder; undefined of what is not in it. */
function pathOf(url: string): string | undefined {
  const { origin, pathname } = new URL(url);
  const scope = new URL(self.registration.scope);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return undefined;
  const path = decodeURIComponent(pathname.slice(scope.pathname.length));
  const file = path === '' ? 'index.html' : path;
  return Object.hasOwn(files, file) ? file : undefined;
}

/** The same answer, of a page that no other site may touch. */
function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

async function isWhole(file: string, bytes: ArrayBuffer): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return files[file] === Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A file as it was exported, kept from then on. What is another by now is given, and not kept: the page is a newer one. */
async function fileAnswer(file: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const url = new URL(file, self.registration.scope).href;
  const kept = await cache.match(url);
  if (kept) return kept;
  // Past the browser's own cache, which may hold what an older export had by this name.
  const response = await fetch(url, { cache: 'no-cache' });
  if (!response.ok) return response;
  const bytes = await response.clone().arrayBuffer();
  if (await isWhole(file, bytes)) await cache.put(url, response.clone());
  else void self.registration.update();
  return response;
}

self.addEventListener('install', () => void self.skipWaiting());

self.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const file = request.method === 'GET' ? pathOf(request.url) : undefined;
  if (file !== undefined) event.respondWith(fileAnswer(file).then(isolated));
});

/** Asked to keep all of it; answers whether it has. */
self.addEventListener('message', (event) => {
  const [port] = event.ports;
  const keep = async (): Promise<void> => {
    const missing: string[] = [];
    for (const file of Object.keys(files)) {
      const { ok } = await fileAnswer(file).catch(() => ({ ok: false }));
      if (!ok) missing.push(file);
    }
    port?.postMessage({ missing });
  };
  event.waitUntil(keep());
});
