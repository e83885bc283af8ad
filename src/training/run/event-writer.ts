import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { makeFolder } from '../../base/make-folder.mjs';
import { flush } from '../../base/flush.js';
import { writeError } from '../../base/outputs.js';
import { maskedCrc32c } from './crc32c.js';
import {
  DataType,
  EventSchema,
  SessionLog_SessionStatus,
  type Summary_ValueSchema,
} from './event_pb.js';
import { encodePng, type RgbImage } from './strip.js';

export interface EventWriterOptions {
  /** The step training resumed from: what TensorBoard has of later steps is then dropped. */
  resumedFromStep?: number;
  /** Seconds since 1970; the system's clock unless given. */
  now?: () => number;
}

/** Adds to one TensorBoard event file. Every method throws disk-full or write-failed. */
export interface EventWriter {
  readonly path: string;
  /** Numbers by tag; a tag's part before `/` is its section. Non-finite numbers are kept. */
  scalars(step: number, values: Readonly<Record<string, number>>): Promise<void>;
  image(step: number, tag: string, image: RgbImage): Promise<void>;
  /** Markdown. */
  text(step: number, tag: string, markdown: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

type Value = MessageInitShape<typeof Summary_ValueSchema>;
type Payload = NonNullable<MessageInitShape<typeof EventSchema>['what']>;

/** TFRecord: length, masked CRC of the length, data, masked CRC of the data, little-endian. */
function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

let opened = 0; // so that two writers of one process and second have two names

/**
 * Starts a TensorBoard event file (`events.out.tfevents.…`) in `folder`: `tensorboard --logdir`
 * shows it while it grows. The format is TFRecord-framed protobuf, described in event.proto.
 * @throws FrameloomError disk-full, write-failed
 */
export async function openEventWriter(
  folder: string,
  options: EventWriterOptions = {},
): Promise<EventWriter> {
  const now = options.now ?? ((): number => Date.now() / 1000);
  const seconds = String(Math.floor(now())).padStart(10, '0');
  opened += 1;
  const path = join(
    folder,
    `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${opened}.frameloom`,
  );
  const guarded = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw writeError(path, error);
    });
  const file = await guarded(makeFolder(folder).then(() => open(path, 'wx')));
  const add = (step: number, what: Payload): Promise<void> => {
    const event = create(EventSchema, { wallTime: now(), step: BigInt(step), what });
    return guarded(file.appendFile(frameRecord(toBinary(EventSchema, event))));
  };
  const summary = (step: number, value: Value[]): Promise<void> =>
    add(step, { case: 'summary', value: { value } });

  await add(0, { case: 'fileVersion', value: 'brain.Event:2' });
  if (options.resumedFromStep !== undefined) {
    const status = SessionLog_SessionStatus.START;
    await add(options.resumedFromStep + 1, { case: 'sessionLog', value: { status } });
  }
  return {
    path,
    scalars: (step, values) =>
      summary(
        step,
        Object.entries(values).map(([tag, value]) => ({
          tag,
          value: { case: 'simpleValue', value },
        })),
      ),
    image: (step, tag, image) =>
      summary(step, [
        {
          tag,
          value: {
            case: 'image',
            value: {
              width: image.width,
              height: image.height,
              colorspace: 3, // RGB
              encodedImageString: encodePng(image),
            },
          },
        },
      ]),
    text: (step, tag, markdown) =>
      summary(step, [
        {
          tag,
          metadata: { pluginData: { pluginName: 'text' } },
          value: {
            case: 'tensor',
            value: {
              dtype: DataType.DT_STRING,
              tensorShape: { dim: [{ size: 1n }] },
              stringVal: [new TextEncoder().encode(markdown)],
            },
          },
        },
      ]),
    sync: () => guarded(flush(file)),
    close: () => guarded(file.close()),
  };
}
