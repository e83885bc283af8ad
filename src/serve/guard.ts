import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { hostname as machineName } from 'node:os';
import { isIP } from 'node:net';

/** Who may come in: an opaque word, new at each start. */
export const createToken = (): string => randomBytes(24).toString('base64url');

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a word is the token; how long that takes does not say how much of it is right. */
export const isToken = (token: string, given: string): boolean =>
  timingSafeEqual(digest(token), digest(given));

/** What the checks read of a request. */
export interface Asking {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`: browsers say of themselves from where they ask. */
  readonly fetchSite: string | undefined;
  /** The token as it was said; undefined where none was. */
  readonly token: string | undefined;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Guard {
  /** Checks by which name the server was asked: refuses a name of somebody else's that was made to lead here. */
  atDoor(asking: Pick<Asking, 'host'>): Refusal | null;
  /** The same and who asks: refuses other sites' pages and whoever does not know the token. */
  inside(asking: Asking): Refusal | null;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** The name in a Host header, without its port; undefined of what is no host. */
function nameIn(host: string | undefined): string | undefined {
  if (host === undefined || !/^[\w.:[\]-]{1,255}$/.test(host)) return undefined;
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}

const isAddress = (name: string): boolean => isIP(name.replace(/^\[|\]$/g, '')) !== 0;

/** Addresses that stand for every network of the machine. */
export const isEverywhere = (host: string): boolean => ['0.0.0.0', '::', '[::]'].includes(host);

/** Whether nobody but this machine reaches an address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * The checks of every request.
 * @param guarded `host`: the address that is listened at; `command`: what printed the address to open, for words
 */
export function createGuard({
  host,
  token,
  command = 'frameloom live',
}: {
  readonly host: string;
  readonly token: string;
  readonly command?: string | undefined;
}): Guard {
  const open = `open the address that ${command} printed`;
  const own = machineName().toLowerCase();
  const names = new Set([...LOOPBACK, host.toLowerCase(), `[${host.toLowerCase()}]`]);
  if (!isLoopback(host)) for (const name of [own, `${own}.local`]) names.add(name);
  // A page of somebody else's that leads its own name here (DNS rebinding) is asked for by that name: an address is none.
  const knows = (name: string): boolean =>
    names.has(name) || (!isLoopback(host) && isAddress(name));

  const atDoor: Guard['atDoor'] = ({ host: asked }) => {
    const name = nameIn(asked);
    if (name !== undefined && knows(name)) return null;
    return {
      status: 421,
      code: 'bad-host',
      message: 'this server is not known by that name',
      hint: open,
    };
  };
  return {
    atDoor,
    inside(asking) {
      const refused = atDoor(asking);
      if (refused) return refused;
      const { host: asked, origin, fetchSite } = asking;
      // Programs send no origin; browsers send the page's, of every WebSocket too.
      const isForeign =
        (origin !== undefined && origin !== `http://${asked?.toLowerCase()}`) ||
        (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none');
      if (isForeign) {
        return {
          status: 403,
          code: 'bad-origin',
          message: 'another site’s page may not ask this server',
          hint: open,
        };
      }
      if (asking.token !== undefined && isToken(token, asking.token)) return null;
      return {
        status: 401,
        code: 'bad-token',
        message:
          asking.token === undefined
            ? 'the token is missing'
            : 'the token is not that of this server, which has one of its own at each start',
        hint: `${open}, with all that is behind the #`,
      };
    },
  };
}
