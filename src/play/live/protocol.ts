/**
 * Text messages of a live session, to and from JSON. What a page sends is checked to the last field, since a server
 * takes it from a network.
 */
import { FrameloomError } from '../../base/error.js';
import type { ClientMessage, ServerMessage } from './messages.js';

/** Characters of a text message from a page. */
export const MOST_TEXT = 64 * 1024;
/** Numbers of a look, columns of actions. */
const MOST_NUMBERS = 256;
const MOST_NAME = 1000;
export const MOST_FPS = 240;
export const SPEEDS = { least: 0.05, most: 16 } as const;
/** Frames that `step` may ask for, and conditions that `clip` may. */
export const MOST_FRAMES = 1000;

type Check = (value: unknown) => boolean;

const whole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const between =
  (least: number, most: number): Check =>
  (value) =>
    Number.isFinite(value) && (value as number) >= least && (value as number) <= most;
const text: Check = (value) => typeof value === 'string' && value.length <= MOST_NAME;
const flag: Check = (value) => typeof value === 'boolean';
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const number32 = whole(0, 2 ** 32 - 1);
const seed = whole(0, Number.MAX_SAFE_INTEGER);
const style: Check = (value) =>
  value === null ||
  text(value) ||
  (Array.isArray(value) && value.length <= MOST_NUMBERS && value.every(between(-1, 1)));
const values: Check = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const columns = Object.entries(value);
  return (
    columns.length <= MOST_NUMBERS &&
    columns.every(([name, level]) => text(name) && Number.isFinite(level))
  );
};

type Fields<T> = Readonly<Record<Exclude<keyof T, 'type'>, Check>>;

/** The fields of each message. A field that is not here is refused. */
const CLIENT: {
  readonly [T in ClientMessage['type']]: Fields<Extract<ClientMessage, { type: T }>>;
} = {
  hello: { protocol: number32 },
  play: {},
  pause: {},
  step: { frames: optional(whole(1, MOST_FRAMES)) },
  reset: { seed: optional(seed) },
  seed: { seed },
  fps: { fps: between(0.1, MOST_FPS) },
  speed: { speed: between(SPEEDS.least, SPEEDS.most) },
  size: { width: whole(4, 16_384), height: whole(4, 16_384) },
  style: { style },
  actions: { values },
  start: { clip: number32, frame: number32 },
  clip: { clip: number32, first: number32, count: whole(1, MOST_FRAMES) },
  base: { clip: nullable(number32), frame: optional(number32), show: optional(flag) },
  record: { on: flag },
  shown: { frame: number32 },
};

/** Of what a session tells, for a page that must know whether it understands it. */
const SERVER: Readonly<Record<ServerMessage['type'], true>> = {
  model: true,
  state: true,
  figures: true,
  recorded: true,
  error: true,
  warning: true,
};

const refused = (what: string, cause?: unknown): FrameloomError =>
  new FrameloomError('bad-input', `a message between page and session is ${what}`, {
    hint: 'reload the page: it may be one of another version',
    ...(cause !== undefined && { cause }),
  });

function objectOf(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw refused('no JSON', error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw refused('no object');
}

/** What was sent, for a message: at most a line of it. */
const shown = (value: unknown): string =>
  value === undefined ? 'undefined' : JSON.stringify(value).slice(0, 60);

/**
 * A text message from a page.
 * @throws FrameloomError bad-input for one that is too long, or is none of these messages to the last field
 */
export function decodeClient(json: string): ClientMessage {
  if (json.length > MOST_TEXT) {
    throw refused(`${json.length} characters long, ${MOST_TEXT} at most`);
  }
  const message = objectOf(json);
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(CLIENT, type)) {
    throw refused(`of no known type: ${shown(type)}`);
  }
  const fields: Readonly<Record<string, Check>> = CLIENT[type as ClientMessage['type']];
  for (const name of Object.keys(message)) {
    if (name === 'type' || Object.hasOwn(fields, name)) continue;
    throw refused(`a ${type} with a field that there is not: ${shown(name)}`);
  }
  for (const [name, check] of Object.entries(fields)) {
    if (check(message[name])) continue;
    throw refused(`a ${type} whose ${name} cannot be ${shown(message[name])}`);
  }
  return message as unknown as ClientMessage;
}

export const encodeClient = (message: ClientMessage): string => JSON.stringify(message);

/**
 * A text message from a session, which is trusted to keep to its own types.
 * @throws FrameloomError bad-input for one that is no JSON object or of no known type
 */
export function decodeServer(json: string): ServerMessage {
  const message = objectOf(json);
  if (typeof message.type === 'string' && Object.hasOwn(SERVER, message.type)) {
    return message as unknown as ServerMessage;
  }
  throw refused(`of no known type: ${shown(message.type)}`);
}

export const encodeServer = (message: ServerMessage): string => JSON.stringify(message);
