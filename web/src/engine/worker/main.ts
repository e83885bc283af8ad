/** The engine of the page: the live session itself, on ONNX Runtime for browsers, in a worker so that the page stays free. */
import { isFrameloomError, messageOf } from '../../../../src/base/error.js';
import { encodeServer } from '../../../../src/play/live/protocol.js';
import { createSession, type LiveSession } from '../../../../src/play/live/session.js';
import type { Message } from '../mailbox.js';
import type { FromWorker, OpenOrder, ToWorker } from '../worker-messages.js';
import { loadGenerator, type OpenedModel } from './model.js';
import { servicesOf } from './services.js';

let session: LiveSession | undefined;
let model: OpenedModel | undefined;
/** What the page says before there is a session. */
const early: Message[] = [];
let taken = 0;

function post(message: FromWorker): void {
  if (message instanceof Uint8Array) self.postMessage(message, [message.buffer]);
  else self.postMessage(message);
}

function fail(error: unknown): void {
  const hint = isFrameloomError(error) ? error.hint : undefined;
  post({ news: 'closed', error: { message: messageOf(error), hint } });
}

function receive(message: Message): void {
  session?.receive(message);
  taken += 1;
  post({ news: 'taken', messages: taken });
}

async function open(order: OpenOrder['open']): Promise<void> {
  const generator = await loadGenerator(order, {
    doing: (doing) => post({ news: 'doing', doing }),
    onWarning: (message) => post(encodeServer({ type: 'warning', message })),
  });
  model = await generator.open();
  const { source } = order;
  const services = await servicesOf(source, generator, model);
  const fps = source.kind === 'server' ? source.fps : source.site.fps;
  session = createSession({ model, services, send: post, fps });
  post({ news: 'open' });
  for (const message of early.splice(0)) receive(message);
}

async function close(): Promise<void> {
  await session?.close();
  await model?.release();
  self.close();
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (typeof data === 'string' || data instanceof Uint8Array) {
    if (session) receive(data);
    else early.push(data);
  } else if ('open' in data) open(data.open).catch(fail);
  else close().catch(fail);
};
