import { FrameloomError, messageOf } from '../../../src/base/error.js';

/** Of gzip, RFC 1952. */
const MAGIC = [0x1f, 0x8b];

/**
 * Fetches a file of the page's own site.
 * @param headers such as of the token
 * @throws FrameloomError not-found where it cannot be had, with the server's words where it gives some
 */
export async function fetchBytes(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    throw new FrameloomError('not-found', `${url} cannot be fetched: ${messageOf(error)}`, {
      hint: 'is the server still there?',
      cause: error,
    });
  }
  if (!response.ok) {
    const said = await response.text();
    throw new FrameloomError('not-found', `${url} cannot be fetched: ${wordsOf(response, said)}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** What a server says is wrong: in JSON as `ApiError`, or not at all. */
function wordsOf({ status, statusText }: Response, said: string): string {
  try {
    const { error } = JSON.parse(said) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // A plain server's page about it.
  }
  return `${status} ${statusText}`.trim();
}

/** A file that is kept gzipped. Hosts that say so by a header have had the browser unpack it already. */
export async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
