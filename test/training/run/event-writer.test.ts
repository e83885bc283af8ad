import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../../src/training/run/crc32c.js';
import { EventSchema, type Event } from '../../../src/training/run/event_pb.js';
import { openEventWriter } from '../../../src/training/run/event-writer.js';
import { testFolder } from './support.js';

/** Takes the records apart, both CRCs checked. */
function decodeEvents(bytes: Buffer): Event[] {
  const events: Event[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    events.push(fromBinary(EventSchema, data));
    at += 16 + length;
  }
  return events;
}

describe('crc32c', () => {
  it('agrees with the vectors of RFC 3720, B.4', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });
});

describe('the event writer', () => {
  it('writes the bytes that TensorBoard writes', async () => {
    // python: from tensorboard.compat.proto import event_pb2; from
    //   tensorboard.summary.writer.record_writer import RecordWriter (tensorboard 2.21.0), of
    //   Event(wall_time=1700000000.5, file_version='brain.Event:2') and of
    //   Event(wall_time=1700000000.5, step=12, summary={value: [{tag: 'loss/warp',
    //   simple_value: 0.25}]})
    const writer = await openEventWriter(await testFolder(), { now: () => 1700000000.5 });
    await writer.scalars(12, { 'loss/warp': 0.25 });
    await writer.close();
    expect((await readFile(writer.path)).toString('hex')).toBe(
      '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531101f00000000000000514b44180900002040fc54d941100c2a120a100a096c6f73732f77617270150000803efb5d7b6f',
    );
    expect(basename(writer.path)).toMatch(/^events\.out\.tfevents\.1700000000\./);
  });

  it('writes scalars, images and text', async () => {
    const writer = await openEventWriter(await testFolder());
    const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 250, 251, 252) };
    await writer.scalars(5, { a: 1.5, b: Number.NaN });
    await writer.image(5, 'sample', image);
    await writer.text(0, 'pipeline', '    name: x');
    await writer.sync();
    await writer.close();
    const [, scalars, picture, text] = decodeEvents(await readFile(writer.path));
    expect(scalars?.step).toBe(5n);
    const values = scalars?.what.case === 'summary' ? scalars.what.value.value : [];
    expect(values.map(({ tag, value }) => [tag, value.value])).toEqual([
      ['a', 1.5],
      ['b', Number.NaN],
    ]);
    const stored = picture?.what.case === 'summary' ? picture.what.value.value[0] : undefined;
    const png = stored?.value.case === 'image' ? stored.value.value.encodedImageString : undefined;
    const { width, height, data } = decode(png ?? new Uint8Array());
    expect({ width, height, data: Uint8Array.from(data) }).toEqual(image);
    const words = text?.what.case === 'summary' ? text.what.value.value[0] : undefined;
    expect(words?.metadata?.pluginData?.pluginName).toBe('text');
    expect(
      words?.value.case === 'tensor' &&
        Buffer.from(words.value.value.stringVal[0] ?? []).toString(),
    ).toBe('    name: x');
  });

  it('tells TensorBoard from where a resumed run goes on', async () => {
    const writer = await openEventWriter(await testFolder(), { resumedFromStep: 200 });
    await writer.close();
    const start = decodeEvents(await readFile(writer.path))[1];
    expect(start?.step).toBe(201n);
    expect(start?.what).toMatchObject({ case: 'sessionLog', value: { status: 1 } });
  });

  it('gives every writer its own file', async () => {
    const folder = await testFolder();
    const now = (): number => 1;
    const writers = [
      await openEventWriter(folder, { now }),
      await openEventWriter(folder, { now }),
    ];
    for (const writer of writers) await writer.close();
    expect(new Set(writers.map(({ path }) => path)).size).toBe(2);
  });
});
