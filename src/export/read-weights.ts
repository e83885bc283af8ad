import { fromBinary } from '@bufbuild/protobuf';
import { Float16Array } from '@petamoriken/float16';
import { FrameloomError, messageOf } from '../base/error.js';
import { ParameterLayout, STYLE_ENCODER, withGains, type Generator } from '../networks/index.js';
import { ModelProtoSchema, TensorProto_DataType as DataType } from './format/onnx_pb.js';
import { generatorToOnnx } from './generator-graph.js';
import type { ExportedInfo } from './metadata.js';
import { weightsHash } from './weights-hash.js';

/** The bits of the least positive number of full precision: from there on each integer's are a number of its own. */
const FIRST_BITS = 0x0080_0000;

/** What a node is given: a number for each operand that is a constant, null for others. */
interface Operation {
  readonly op: string;
  readonly constants: readonly (string | null)[];
}

/** A file's nodes but for those that only change how a number is stored, and its constants. */
function read(file: Uint8Array) {
  const { graph } = fromBinary(ModelProtoSchema, file);
  const constants = new Map(graph?.initializer.map((tensor) => [tensor.name, tensor]));
  /** Half weights that are computed with at full precision pass through a node of their own. */
  const widened = new Map<string, string>();
  const operations: Operation[] = [];
  for (const { opType, input, output } of graph?.node ?? []) {
    const named = input.map((edge) => widened.get(edge) ?? edge);
    if (opType !== 'Cast') {
      const own = named.map((edge) => (constants.has(edge) ? edge : null));
      operations.push({ op: opType, constants: own });
    } else if (constants.has(named[0]!)) widened.set(output[0]!, named[0]!);
  }
  return { operations, constants };
}

type Constants = ReturnType<typeof read>['constants'];

function numbersOf(constants: Constants, name: string): Float32Array | null {
  const tensor = constants.get(name);
  if (!tensor) return null;
  // A copy of their own begins where numbers may; a Buffer's slice would be none.
  const bytes = Uint8Array.from(tensor.rawData);
  if (tensor.dataType === (DataType.FLOAT as number) && bytes.length % 4 === 0) {
    return new Float32Array(bytes.buffer);
  }
  if (tensor.dataType === (DataType.FLOAT16 as number) && bytes.length % 2 === 0) {
    return Float32Array.from(new Float16Array(bytes.buffer));
  }
  return null;
}

/**
 * The weights of an exported generator, in the order of its layout. A file is written with weights in the order and
 * the shapes of ONNX; which number went where is seen by writing one whose weights are all different, so that what
 * the writers do is written down once.
 *
 * @param generator of the options that the file was trained with
 * @param info what the file says of itself
 * @param path names the file in errors
 * @returns named arrays, as a snapshot has them, that layers read as the file's: each weight is as long as its gain. Of
 *   a file with half weights they are what it holds
 * @throws FrameloomError bad-input where the file is damaged, or was written for other networks than those of
 *   this version
 */
export function readWeights(
  file: Uint8Array,
  generator: Generator,
  info: ExportedInfo,
  path: string,
): ReturnType<Generator['layout']['toNamed']> {
  const { layout } = generator;
  const bad = (why: string, cause?: unknown): FrameloomError =>
    new FrameloomError('bad-input', `the weights of ${path} cannot be read: ${why}`, {
      ...{ path, cause },
      hint: 'name the run that it was exported from, or export that again',
    });
  // What makes looks of pictures is not in a file, which is told looks. Gains are in the weights that they are the lengths of.
  const held = layout.specs.filter(({ name }) => !name.startsWith(STYLE_ENCODER));
  const stored = new ParameterLayout(held.filter(({ gainOf }) => !gainOf));
  const bits = Uint32Array.from({ length: stored.size }, (_, i) => FIRST_BITS + i);
  const full = { ...info, precision: 'float32', compute: 'float32' } as const;
  const probing = stored.toNamed(new Float32Array(bits.buffer));
  const { file: numbered } = generatorToOnnx(generator, probing, full);
  const probe = read(numbered);
  let own: ReturnType<typeof read>;
  try {
    own = read(file);
  } catch (error) {
    throw bad(messageOf(error), error);
  }
  const other = 'it was written for other networks than those of this version';
  const isSame =
    probe.operations.length === own.operations.length &&
    probe.operations.every(({ op, constants }, i) => {
      const { op: theirs, constants: given } = own.operations[i]!;
      return op === theirs && constants.length === given.length;
    });
  if (!isSame) throw bad(other);
  const weights = new Float32Array(stored.size);
  const isKnown = new Uint8Array(stored.size);
  probe.operations.forEach(({ constants }, i) => {
    constants.forEach((name, operand) => {
      const places = name === null ? null : numbersOf(probe.constants, name);
      if (places === null) return;
      const found = own.operations[i]!.constants[operand] ?? null;
      const numbers = found === null ? null : numbersOf(own.constants, found);
      if (numbers?.length !== places.length) throw bad(other);
      const at = new Uint32Array(places.buffer);
      at.forEach((bit, j) => {
        const place = bit - FIRST_BITS;
        if (place < 0 || place >= stored.size) return;
        weights[place] = numbers[j]!;
        isKnown[place] = 1;
      });
    });
  });
  if (isKnown.includes(0)) throw bad('it does not hold all of them');
  if (!weights.every(Number.isFinite)) throw bad('they are not numbers');
  const named = stored.toNamed(weights);
  const isWhole = info.precision === 'float32' && info.compute !== 'float16';
  if (isWhole && info.layers !== null && weightsHash(named) !== info.layers) {
    throw bad('they have changed since they were written');
  }
  return withGains(held, named);
}
