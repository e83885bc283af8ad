import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { ModelProtoSchema } from '../../src/export/format/onnx_pb.js';
import { generatorToOnnx, readByLayers } from '../../src/export/generator-graph.js';
import { EXPORT_TARGETS } from '../../src/export/index.js';
import { readMetadata } from '../../src/export/metadata.js';
import { readWeights } from '../../src/export/read-weights.js';
import { TARGETS } from '../../src/export/targets.js';
import type { Generator, NamedArrays } from '../../src/networks/index.js';
import { weightsHash } from '../../src/export/weights-hash.js';
import { keys, labels, makeModel, none } from './make-model.js';

beforeAll(async () => {
  await useBackend();
});

const FIXED = { samples: 2, width: 24, height: 16 };

/** The most that weights as layers read them differ by, of those of the file. */
async function largestError(
  generator: Generator,
  named: NamedArrays,
  expected: NamedArrays,
): Promise<number> {
  const { layout } = generator;
  // What makes looks of pictures is in no file, and is not compared.
  const others = layout.toNamed(layout.initialize(1));
  const again = await readByLayers(generator, layout.fromNamed({ ...others, ...named }));
  expect(Object.keys(again)).toEqual(Object.keys(expected));
  return Math.max(
    ...Object.entries(expected).map(([name, { data }]) =>
      data.reduce((most, value, i) => {
        const error = Math.abs(again[name]!.data[i]! - value);
        return Math.max(most, error / (Math.abs(value) + 1e-2));
      }, 0),
    ),
  );
}

/** A file of a generator, and what it says of itself. */
async function written(
  options: Readonly<Record<string, unknown>>,
  data: Readonly<Record<string, unknown>>,
  how: Readonly<Record<string, unknown>> = {},
) {
  const { weights: numbers, styles, ...made } = await makeModel(options, data);
  const { generator, pipeline, layout } = made;
  const weights = numbers as Float32Array;
  const read = await readByLayers(generator, weights);
  const { file } = generatorToOnnx(generator, read, {
    ...{ version: '0', step: 3, seed: 0, ...pipeline.data.size, pipeline: null },
    generator: generator.options,
    ...(styles && { styles }),
    condition: { ...layout, classNames: [...layout.classNames] },
    ...{ precision: 'float32', compute: 'float32', fixed: null, target: 'onnxruntime' },
    ...{ input: null, ffmpeg: null, author: null, licence: null },
    weights: weightsHash(generator.layout.toNamed(weights)),
    layers: weightsHash(read),
    ...how,
  });
  return { generator, read, file, info: readMetadata(file, 'g.onnx') };
}

describe('the weights of an exported file', () => {
  it.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
    ['everything', { noiseChannels: 3, normalization: 'weights', positions: true }, labels],
    ['modulation', { modulation: 'condition' }, {}],
    ['looks', { styleChannels: 3 }, {}],
    ['actions', {}, { ...none, ...keys }],
    ['odd numbers of channels', { channels: 5, historyFrames: 3, conditionFrames: 7 }, {}],
    ['no condition, no flow', { flow: false, noiseChannels: 5, historyFrames: 1 }, none],
  ])('are those that it was written with, whatever it was written for: %s', async (...one) => {
    const [, options, data] = one;
    for (const target of options.noiseChannels === 3
      ? EXPORT_TARGETS
      : EXPORT_TARGETS.slice(0, 1)) {
      const fixed = TARGETS[target].fixed ? FIXED : null;
      const { generator, read, file, info } = await written(options, data, { target, fixed });
      // Its norms and biases are alike: an untrained generator has many equal constants.
      const named = readWeights(file, generator, info, 'g.onnx');
      expect(await largestError(generator, named, read)).toBeLessThan(1e-6);
    }
  });

  it.each([
    ['stored', { precision: 'float16', compute: 'float32' }],
    ['computed', { precision: 'float16', compute: 'float16' }],
  ])('are rounded where they are %s at half precision', async (_, how) => {
    const { generator, read, file, info } = await written({ noiseChannels: 2 }, labels, how);
    const error = await largestError(generator, readWeights(file, generator, info, 'g.onnx'), read);
    expect(error).toBeGreaterThan(1e-6);
    expect(error).toBeLessThan(1 / 1000);
  });

  it('are not taken from a file that was changed, or is of another network', async () => {
    const { generator, file, info } = await written({}, labels);
    const changed = fromBinary(ModelProtoSchema, file.slice());
    const { rawData } = changed.graph!.initializer.find(({ name }) => name.endsWith('.weight'))!;
    rawData[3] = rawData[3]! ^ 1;
    const read =
      (one: Uint8Array, of = generator) =>
      () =>
        readWeights(one, of, info, 'g.onnx');
    expect(read(file)).not.toThrow();
    expect(read(toBinary(ModelProtoSchema, changed))).toThrow('changed since they were written');
    expect(read(file.subarray(0, file.length / 2))).toThrow('the weights of g.onnx cannot be read');
    for (const other of [{ channels: 8 }, { residualBlocks: 2 }, { flow: false }]) {
      const { generator: another } = await makeModel(other, labels);
      expect(read(file, another)).toThrow('written for other networks');
    }
  });
});
