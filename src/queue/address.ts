import { FrameloomError } from '../base/error.js';

/** Where a queue is. */
export interface QueueAddress {
  /** For Redis, with what it is opened by. */
  readonly url: string;
  /** For people: never with a password. */
  readonly shown: string;
  /** Which of the queues that a Redis holds. */
  readonly name: string;
}

const HINT = 'such as redis://host:6379, rediss://user@host:6380/0 or redis://host?name=night';
const NAME = /^[\w.-]{1,64}$/;

/** Where the password may be, instead of on a command line that every user of the machine can read. */
export const PASSWORD_VARIABLE = 'FRAMELOOM_QUEUE_PASSWORD';

/**
 * Reads `redis://[[user]:password@]host[:port][/database][?name=NAME]`; `rediss://` is by TLS. What is not valid is
 * told without the address, which may hold a password.
 * @throws FrameloomError bad-option
 */
export function parseQueueAddress(
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): QueueAddress {
  const refuse = (why: string): never => {
    throw new FrameloomError('bad-option', `--queue ${why}`, { hint: HINT });
  };
  const url = URL.canParse(text) ? new URL(text) : refuse('is no address');
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    refuse(`is ${url.protocol}//, and only redis:// and rediss:// are queues`);
  }
  if (url.hostname === '') refuse('names no host');
  if (!/^(\/(\d{1,4})?)?$/.test(url.pathname))
    refuse('has something other than a number as its database');
  for (const key of url.searchParams.keys()) if (key !== 'name') refuse(`knows no ?${key}=`);
  const name = url.searchParams.get('name') ?? 'batch';
  if (!NAME.test(name)) refuse('has a ?name= of other than letters, digits, dots and dashes');
  const shown = new URL(text);
  shown.username = '';
  shown.password = '';
  url.search = '';
  const password = env[PASSWORD_VARIABLE];
  if (url.password === '' && password !== undefined && password !== '') {
    url.password = encodeURIComponent(password);
  }
  return { url: url.href, shown: shown.href, name };
}
