import { FrameloomError } from '../../../src/base/error.js';
import { WORKER_FILE } from '../../../src/serve/exported-site.js';

/** So that a page that stays unisolated is not loaded again for ever. */
const TRIED_KEY = 'frameloom-isolating';
/** A service worker that is not there by then is not waited for: the page works without, on one thread. */
const PATIENCE_MS = 4000;

/**
 * Gives an exported page its service worker: it works without a network then, and on hosts that cannot isolate a page,
 * which threads need. The first time the page is loaded again, now by it.
 *
 * @returns why there is none, in words; null where there is
 */
export async function takeServiceWorker(base: string): Promise<string | null> {
  // Browsers that have none, and pages that are not allowed one, do not have the property either.
  const { serviceWorker } = navigator as Partial<Navigator>;
  if (!serviceWorker) return 'browsers keep pages of https and of localhost alone for offline use';
  try {
    await serviceWorker.register(new URL(WORKER_FILE, base));
  } catch (error) {
    return `the page cannot be kept for offline use: ${String(error)}`;
  }
  if (crossOriginIsolated) {
    sessionStorage.removeItem(TRIED_KEY);
    return null;
  }
  if (sessionStorage.getItem(TRIED_KEY) !== null) return null;
  if (!serviceWorker.controller && !(await controlled(serviceWorker))) return null;
  sessionStorage.setItem(TRIED_KEY, '1');
  location.reload();
  // Nothing is begun with in a page that is about to go.
  return new Promise(() => undefined);
}

const controlled = (serviceWorker: ServiceWorkerContainer): Promise<boolean> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), PATIENCE_MS);
    serviceWorker.addEventListener('controllerchange', () => resolve(true), { once: true });
  });

/**
 * Keeps all files of an exported page, what it has not asked for yet too.
 * @throws FrameloomError not-found where some cannot be had; bad-call without a service worker
 */
export async function keepOffline(): Promise<void> {
  const { serviceWorker } = navigator as Partial<Navigator>;
  const controller = serviceWorker?.controller;
  if (!controller) {
    throw new FrameloomError('bad-call', 'this page is not kept for offline use yet', {
      hint: 'reload it once',
    });
  }
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<readonly string[]>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<{ missing: readonly string[] }>) =>
      resolve(data.missing);
  });
  controller.postMessage('keep', [port2]);
  const missing = await answer;
  port1.close();
  if (missing.length === 0) return;
  throw new FrameloomError(
    'not-found',
    `not kept for offline use: ${missing[0]!}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`,
  );
}

/** Calls when a newer export has taken this one's place: what it changes is there after the page is loaded again. */
export function onNewExport(call: () => void): void {
  const { serviceWorker } = navigator as Partial<Navigator>;
  if (!serviceWorker?.controller) return;
  serviceWorker.addEventListener('controllerchange', call);
}
