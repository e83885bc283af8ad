import { readFile, writeFile } from 'node:fs/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelProtoSchema } from '../../../src/export/format/onnx_pb.js';
import {
  openNetworks,
  type NetworkFiles,
} from '../../../src/synthesis/evaluate/networks/networks.js';
import { scratchPath } from '../../video/make-clip.js';
import {
  assertReleased,
  countSessions,
  distance,
  features,
  makeNetwork,
  means,
  PICTURE,
  type Sessions,
} from './make-networks.js';

const SIZE = { width: 32, height: 24 };
const sessions: Sessions = { made: 0, released: 0 };
beforeAll(async () => {
  await countSessions(sessions);
  return () => void vi.restoreAllMocks();
});
afterEach(() => assertReleased(sessions));

describe('a file that does not fit', () => {
  const refused = async (files: NetworkFiles) => {
    const error: unknown = await openNetworks(files, SIZE).then(
      async (opened) => {
        await opened?.release();
        return undefined;
      },
      (thrown: unknown) => thrown,
    );
    return error as { code: string; message: string; hint: string };
  };
  const written = async (content: string | Uint8Array): Promise<string> => {
    const path = scratchPath('no.onnx');
    await writeFile(path, content);
    return path;
  };

  it('is told in one line, with the option, what it has and what is expected', async () => {
    const said = async (files: NetworkFiles): Promise<string> => {
      const { code, message, hint } = await refused(files);
      return `${code} ${message.replaceAll(/\/\S*\//g, '')} (${hint})`;
    };
    const fed = (metadata: Record<string, string>) => features({ metadata });
    const other = (...shapes: (readonly (number | string)[])[]) =>
      features({ inputs: Object.fromEntries(shapes.map((shape, i) => [['x', 'y'][i]!, shape])) });
    const nothing = await said({ lpips: scratchPath('none.onnx') });
    expect(nothing).toMatch(/^not-found lpips: cannot read .*none\.onnx: no such file/);
    expect(await said({ features: await written('') })).toMatch(
      /cannot be loaded: it is empty \(name an ONNX file\)/,
    );
    expect(await said({ segmenter: await written('pictures, by hand') })).toMatch(
      /^bad-input segmenter: .*no\.onnx cannot be loaded: /,
    );
    const cases: readonly (readonly [NetworkFiles, RegExp])[] = [
      [
        { lpips: await features() },
        /lpips: .* takes x float32 \[N,3,H,W\] \(expected is two inputs float32 \[N,3,H,W\] of one size\)/,
      ],
      [
        { features: await distance() },
        /takes a float32 \[N,3,H,W\] and b .* \(expected is one input/,
      ],
      [{ features: await other(['N', 1, 'H', 'W']) }, /takes x float32 \[N,1,H,W\] \(expected/],
      [{ videoFeatures: await features() }, /videoFeatures: .*one input float32 \[N,3,T,H,W\]\)/],
      [
        { lpips: await apart([1, 3, 24, 32], [1, 3, 24, 16]) },
        /takes a float32 \[1,3,24,32\] and b float32 \[1,3,24,16\] \(expected is two/,
      ],
      [
        { lpips: await distance({ inputs: { a: ['N', 3, 64, 64], b: ['N', 3, 64, 64] } }) },
        /takes pictures of 64x64, and the frames are 32x24 \(export it with open height and width/,
      ],
      [
        { lpips: await distanceMap() },
        /gives \[1,1,24,32\] for 1 pairs \(expected is one distance/,
      ],
      [{ segmenter: await means() }, /gives \[1,3\] \(expected are logits/],
      [
        { features: await twoOutputs() },
        /gives first, second \(expected is one output; frameloom\.output/,
      ],
      [{ features: await twoOutputs('third') }, /says frameloom\.output third, and gives first/],
      [
        { features: await fed({ 'frameloom.range': '-1..2' }) },
        /has frameloom\.range "-1\.\.2" .*-1\.\.1, 0\.\.1, 0\.\.255/,
      ],
      [{ features: await fed({ 'frameloom.std': '1,1,0' }) }, /expected is three numbers above 0/],
      [{ features: await fed({ 'frameloom.mean': '1,,0' }) }, /expected is three numbers, as/],
      [{ features: await fed({ 'frameloom.size': '0x9' }) }, /expected is a size, as 299x299/],
      [
        { features: await fed({ 'frameloom.men': '0' }) },
        /frameloom\.men .* nothing is known of \(known are frameloom\.range, /,
      ],
      [{ features: await fed({ 'frameloom.format': '1' }) }, /is an exported generator/],
      [{ features: await tooFew() }, /gives \[3\]|gives \[1,3\] for/],
    ];
    for (const [files, line] of cases) expect(await said(files)).toMatch(line);
    // What is seen at a size of its own is fed at that.
    expect(await refused({ features: await other(['N', 3, 8, 8]) })).toBeUndefined();
  });

  it('is not read where its numbers lie in another file', async () => {
    const proto = fromBinary(ModelProtoSchema, await readFile(await features()));
    const [tensor] = proto.graph!.initializer;
    // external_data, as torch.onnx.export writes it.
    const entry = Uint8Array.from([0x0a, 1, 0x61, 0x12, 1, 0x62]);
    tensor!.$unknown = [
      {
        no: 13,
        wireType: WireType.LengthDelimited,
        data: Uint8Array.from([entry.length, ...entry]),
      },
    ];
    expect(
      await refused({ features: await written(toBinary(ModelProtoSchema, proto)) }),
    ).toMatchObject({
      ...{ code: 'untrusted', hint: expect.stringContaining('external_data=False') as string },
    });
  });

  /** Two pictures that need not be of one size. */
  const apart = (a: readonly number[], b: readonly number[]) =>
    makeNetwork({ inputs: { a, b } }, (graph, inputs) => {
      const [one, other] = inputs.map((x) =>
        graph.node('ReduceMean', [x], { axes: { ints: [1, 2, 3] }, keepdims: { int: 0 } }),
      );
      return graph.node('Sub', [one!, other!]);
    });
  const distanceMap = () =>
    makeNetwork(
      { inputs: { a: PICTURE, b: PICTURE }, outputs: { d: ['N', 1, 'H', 'W'] } },
      (graph, [a, b]) =>
        graph.node('ReduceMean', [graph.node('Sub', [a!, b!])], {
          axes: { ints: [1] },
          keepdims: { int: 1 },
        }),
    );
  const twoOutputs = (name?: string) =>
    makeNetwork(
      {
        ...{ inputs: { x: PICTURE }, outputs: { first: ['N', 3], second: ['N', 3] } },
        ...(name !== undefined && { metadata: { 'frameloom.output': name } }),
      },
      (graph, [x]) => {
        const mean = graph.node('ReduceMean', [x!], {
          axes: { ints: [2, 3] },
          keepdims: { int: 0 },
        });
        return [mean, graph.node('Relu', [mean])];
      },
    );
  /** One vector whatever it is shown. */
  const tooFew = () =>
    makeNetwork({ inputs: { x: PICTURE }, outputs: { out: ['D'] } }, (graph, [x]) =>
      graph.node('ReduceMean', [x!], { axes: { ints: [0, 2, 3] }, keepdims: { int: 0 } }),
    );
});
