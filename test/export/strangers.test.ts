import { readFile, writeFile } from 'node:fs/promises';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { isFrameloomError } from '../../src/base/error.js';
import { exportGenerator } from '../../src/export/index.js';
import { readMetadata, toMetadata } from '../../src/export/metadata.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { openOnnxModel } from '../../src/synthesis/index.js';
import { makeRun } from '../synthesis/make-run.js';
import { scratchPath } from '../video/make-clip.js';

let file: Buffer;
let told: Record<string, string>;

beforeAll(async () => {
  await useBackend();
  const path = scratchPath('generator.onnx');
  await exportGenerator(
    await openRunModel(await makeRun({ generator: { noiseChannels: 2 } })),
    path,
  );
  file = await readFile(path);
  told = toMetadata(readMetadata(file, path));
});

/** The file with other words about itself: of a key that comes again, the last counts. */
function saying(changes: Readonly<Record<string, string>>): Buffer {
  const writer = new BinaryWriter();
  for (const [key, value] of Object.entries(changes)) {
    writer.tag(14, WireType.LengthDelimited).fork();
    writer
      .tag(1, WireType.LengthDelimited)
      .string(key)
      .tag(2, WireType.LengthDelimited)
      .string(value);
    writer.join();
  }
  return Buffer.concat([file, writer.finish()]);
}

/** Opens a file, makes a frame, and lets it go. @returns how that ended */
async function tried(bytes: Uint8Array): Promise<string> {
  const path = scratchPath('stranger.onnx');
  await writeFile(path, bytes);
  try {
    const model = await openOnnxModel(path, { threads: 1 });
    try {
      const { width, height, layout } = model;
      const condition = new Uint8Array(width * height * layout.bytesPerPixel);
      const frame = await model.open().next(layout.kind === 'none' ? null : condition);
      expect(frame).toHaveLength(3 * width * height);
      return 'opened';
    } finally {
      await model.release();
    }
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    expect(error.toLine()).not.toContain('\n');
    return `${error.code}: ${error.toLine().replaceAll(path, 'PATH')}`;
  }
}

const changed = (key: string, change: (value: Record<string, unknown>) => unknown): Buffer => {
  const value = JSON.parse(told[key]!) as Record<string, unknown>;
  return saying({ [key]: JSON.stringify({ ...value, ...(change(value) as object) }) });
};

describe('an exported file that lies about itself', () => {
  it('is opened as long as it tells the truth', async () => {
    expect(await tried(saying(told))).toBe('opened');
  });

  it.each([
    [-2, 'frameloom.generator.historyFrames: Too small'],
    [1e9, 'frameloom.generator.historyFrames: Too big'],
    [1.5, 'frameloom.generator.historyFrames: Invalid input'],
    ['2', 'frameloom.generator.historyFrames: Invalid input'],
  ])('in a number out of bounds: historyFrames %j', async (historyFrames, words) => {
    const line = await tried(changed('frameloom.generator', () => ({ historyFrames })));
    expect(line).toContain(`bad-input: PATH does not describe an exported generator: ${words}`);
  });

  it.each([
    ['frameloom.width', '-4'],
    ['frameloom.width', '30'],
    ['frameloom.width', '1e9'],
    ['frameloom.width', ''],
    ['frameloom.height', '99999999999999999999'],
    ['frameloom.seed', 'NaN'],
    ['frameloom.step', '-1'],
    ['frameloom.weights', 'none'],
    ['frameloom.version', 'x'.repeat(100)],
    ['frameloom.condition', '{}'],
    ['frameloom.pipeline', 'nothing'],
    ['frameloom.target', 'toaster'],
    ['frameloom.compute', 'int8'],
    ['frameloom.fixed', '{"samples":1,"width":6,"height":4}'],
    ['frameloom.fixed', '{"samples":1,"width":16384,"height":16384}'],
  ])('in %s: %j', async (key, value) => {
    const line = await tried(saying({ [key]: value }));
    expect(line).toMatch(`bad-input: PATH does not describe an exported generator: ${key}`);
  });

  it('in a size of more pixels than anybody has', async () => {
    const sides = { 'frameloom.width': '16384', 'frameloom.height': '16384' };
    expect(await tried(saying(sides))).toContain('larger than 8192x4096 in all');
  });

  it('in numbers that are possible, but of another generator', async () => {
    for (const other of [{ historyFrames: 3 }, { conditionFrames: 1 }, { noiseChannels: 0 }]) {
      expect(await tried(changed('frameloom.generator', () => other))).toMatch(
        /^bad-input: PATH holds another generator than it says: "\w+" differs/,
      );
    }
    // Sizes that the graph has not: they are open in it.
    const fixed = JSON.stringify({ samples: 1, width: 32, height: 24 });
    expect(await tried(saying({ 'frameloom.fixed': fixed }))).toMatch(/^bad-input: .* differs/);
    const none = { kind: 'none', content: 'none', channels: 0, bytesPerPixel: 0 };
    expect(await tried(changed('frameloom.condition', () => none))).toMatch(/^bad-input: /);
  });

  it('in a condition that names a file of this machine', async () => {
    const path = '/etc/hostname';
    const condition = { kind: 'paired', content: 'labels', path: 'l.mkv', palette: path };
    const layout = { content: 'labels', kind: 'paired', bytesPerPixel: 1, classNames: ['a'] };
    const pipeline = JSON.parse(told['frameloom.pipeline']!) as { data: object };
    const line = await tried(
      saying({
        'frameloom.pipeline': JSON.stringify({ data: { ...pipeline.data, condition } }),
        'frameloom.condition': JSON.stringify({
          ...(JSON.parse(told['frameloom.condition']!) as object),
          ...layout,
        }),
      }),
    );
    expect(line).toContain(`untrusted: PATH names a palette file, "${path}"; it is not read`);
  });

  it.each(['/etc/hostname', 'package.json', '../package.json'])(
    'in numbers that lie in a file of this machine: %s',
    async (location) => {
      const writer = new BinaryWriter();
      const text = (field: number, value: string) =>
        writer.tag(field, WireType.LengthDelimited).string(value);
      const within = (field: number, write: () => void): void => {
        writer.tag(field, WireType.LengthDelimited).fork();
        write();
        writer.join();
      };
      // A graph that comes again adds to the first: one more tensor, stored elsewhere, and its use.
      within(7, () => {
        within(1, () => {
          text(1, 'stolen');
          text(2, 'shown');
          text(4, 'Identity');
        });
        within(5, () => {
          writer.tag(1, WireType.Varint).int64(1).tag(2, WireType.Varint).int32(1);
          text(8, 'stolen');
          for (const [key, value] of Object.entries({ location, length: '4' })) {
            within(13, () => {
              text(1, key);
              text(2, value);
            });
          }
          writer.tag(14, WireType.Varint).int32(1);
        });
      });
      expect(await tried(Buffer.concat([file, writer.finish()]))).toMatch(
        /^untrusted: PATH has numbers in other files; they are not read/,
      );
    },
  );

  it('however it does: it is opened, or an error says why not', async () => {
    const numbers = fc.oneof(
      fc.constantFrom(-1, 0, 1, 2, 3, 4, 16, 1.5, 1e9, 2 ** 53, -0),
      fc.integer(),
    );
    const anything = fc.oneof(
      numbers,
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.constant([]),
    );
    const texts = fc.oneof(
      numbers.map(String),
      fc.json(),
      fc.string({ maxLength: 40 }),
      fc.constantFrom('', '{}', '[]', 'null', '{"data":{}}', '{"data":null}', '1'.repeat(400)),
    );
    const keys = Object.keys(toMetadataKeys);
    const whole = fc
      .tuple(fc.constantFrom(...keys), texts)
      .map(([key, value]) => ({ [key]: value }));
    const parts = fc
      .tuple(
        fc.constantFrom(
          ...['generator.historyFrames', 'generator.conditionFrames', 'generator.noiseChannels'],
          ...['generator.flow', 'condition.kind', 'condition.content', 'condition.channels'],
          ...['condition.bytesPerPixel', 'condition.classNames', 'condition.followsColour'],
          ...['pipeline.data', 'pipeline.training'],
        ),
        fc.oneof(anything, fc.constantFrom('none', 'image', 'labels', 'derived', 'paired')),
      )
      .map(([place, value]) => {
        const [section = '', key = ''] = place.split('.');
        const name = `frameloom.${section}`;
        const before = JSON.parse(told[name]!) as Record<string, unknown>;
        return { [name]: JSON.stringify({ ...before, [key]: value }) };
      });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(whole, parts), async (changes) => {
        const outcome = await tried(saying(changes));
        expect(outcome).toMatch(/^(opened$|bad-input: |untrusted: |bad-data: )/);
        seen.add(outcome.split(':')[0]!);
      }),
      { numRuns: 250 },
    );
    expect([...seen].sort()).toEqual(expect.arrayContaining(['bad-input', 'opened']));
  });

  it('in bytes: flipped and cut off anywhere', async () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        place,
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, flip, cut) => {
          const index = Math.min(file.length - 1, Math.floor(at * file.length));
          const bytes = Buffer.from(cut ? file.subarray(0, index) : file);
          if (!cut) bytes[index]! ^= flip;
          const outcome = await tried(bytes);
          expect(outcome).toMatch(/^(opened$|bad-input: |diverged: |untrusted: )/);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });
});

/** The keys that are told, known before a file is there. */
const toMetadataKeys = toMetadata({
  ...{ version: '', step: 0, seed: 0, width: 4, height: 4, pipeline: null },
  generator: { historyFrames: 1, conditionFrames: 1, noiseChannels: 0, flow: false },
  condition: {
    ...{ kind: 'none', content: 'none', channels: 0, bytesPerPixel: 0, classNames: [] },
    followsColour: false,
  },
  ...{ weights: '', layers: '', precision: 'float32', compute: 'float32', target: 'onnxruntime' },
  fixed: { samples: 1, width: 4, height: 4 },
  ...{ input: '', ffmpeg: '', author: '', licence: '' },
});
