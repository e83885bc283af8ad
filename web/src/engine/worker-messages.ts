import type { ExportedSite } from '../../../src/serve/exported-site.js';
import type { LiveLimits } from '../../../src/serve/page-api.js';
import type { Message } from './mailbox.js';
import type { TransportError } from './transport.js';

export interface ServerSource {
  readonly kind: 'server';
  /** The page's address. */
  readonly base: string;
  readonly token: string;
  readonly fps: number;
  readonly limits: LiveLimits;
  readonly filterUnavailable: string | null;
}
export interface ExportSource {
  readonly kind: 'export';
  readonly base: string;
  readonly site: ExportedSite;
}
/** Where the worker's session has its generator and its clips from. */
export type WorkerSource = ServerSource | ExportSource;

export type PageDevice = 'webgpu' | 'wasm';

/** The first message to the worker; what follows are the session's own. */
export interface OpenOrder {
  readonly open: {
    readonly source: WorkerSource;
    readonly device: PageDevice;
    /** As many as the page may have unless given. */
    readonly threads: number | null;
  };
}
/** The last: it ends what it is at, a recording too, and then itself. */
export interface CloseOrder {
  readonly close: true;
}
export type ToWorker = OpenOrder | CloseOrder | Message;

/** What the worker tells of itself; all else are the session's own messages. */
export type WorkerNews =
  | { readonly news: 'doing'; readonly doing: string }
  | { readonly news: 'open' }
  | { readonly news: 'closed'; readonly error: TransportError }
  /** It has taken so many messages, from the first on. */
  | { readonly news: 'taken'; readonly messages: number };
export type FromWorker = WorkerNews | Message;
