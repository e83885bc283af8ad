import { messageOf } from '../../../src/base/error.js';
import { API, subprotocols } from '../../../src/serve/page-api.js';
import { authorization } from './authorization.js';
import { keepOffline } from './offline.js';
import type { PageSite } from './site.js';
import { SocketTransport } from './socket.js';
import type { EngineChoice, EngineName, TransportError } from './transport.js';
import { whyNoWebGpu } from './webgpu.js';
import type { PageDevice, WorkerSource } from './worker-messages.js';
import { WorkerTransport } from './worker-transport.js';

const sourceOf = (site: PageSite): WorkerSource =>
  site.kind === 'export'
    ? { kind: 'export', base: site.base, site: site.site }
    : {
        ...{ kind: 'server', base: site.base, token: site.token },
        fps: site.about.fps,
        limits: site.about.limits,
        filterUnavailable: site.about.filterUnavailable,
      };

/** The server's words where it will not have this page; null where it would, or cannot be reached. */
async function whyRefused(base: string, token: string): Promise<TransportError | null> {
  try {
    const answer = await fetch(new URL(API.about, base), { headers: authorization(token) });
    if (answer.ok) return null;
    const { error } = (await answer.json()) as { error: TransportError };
    return { message: error.message, hint: error.hint };
  } catch {
    return null;
  }
}

function openServer({ base, token }: Extract<PageSite, { kind: 'server' }>): SocketTransport {
  const url = new URL(API.session, base);
  url.protocol = url.protocol.replace('http', 'ws');
  return new SocketTransport({
    url: url.href,
    protocols: subprotocols(token),
    whyRefused: () => whyRefused(base, token),
  });
}

/** @param threads of the processor; as many as the page may have for null */
function inPage(site: PageSite, device: PageDevice, threads: number | null): WorkerTransport {
  const order = { open: { source: sourceOf(site), device, threads } };
  // What is seen comes first; then all else is kept for when there is no network.
  const isKept = site.kind === 'export' && site.online === null;
  return new WorkerTransport(order, isKept ? keepOffline : undefined);
}

/**
 * The engines that this page may choose, the best first.
 * @param threads of the page's own processor engine; as many as the page may have unless given
 */
export async function engineChoices(
  site: PageSite,
  threads: number | null = null,
): Promise<EngineChoice[]> {
  const noWebGpu = await whyNoWebGpu().catch((error: unknown) => messageOf(error));
  const noWasm = typeof WebAssembly === 'object' ? null : 'this browser has no WebAssembly';
  const choices: EngineChoice[] = [
    {
      name: 'webgpu',
      unavailable: noWasm ?? noWebGpu,
      open: () => inPage(site, 'webgpu', threads),
    },
    { name: 'wasm', unavailable: noWasm, open: () => inPage(site, 'wasm', threads) },
  ];
  if (site.kind === 'export') return choices;
  return [{ name: 'server', unavailable: null, open: () => openServer(site) }, ...choices];
}

/** The engine to begin with: the one that is asked for where it can be had, else the first that can. */
export function firstChoice(
  choices: readonly EngineChoice[],
  asked: string | null,
): EngineName | null {
  const able = choices.filter(({ unavailable }) => unavailable === null);
  return (able.find(({ name }) => name === asked) ?? able[0])?.name ?? null;
}
