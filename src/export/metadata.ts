import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FrameloomError, messageOf } from '../base/error.js';
import type { ClipStyle } from '../networks/clip-styles.js';
import { hasExternalData } from './external-data.js';
import type { FloatType } from './graph.js';
import type { ExportTarget } from './targets.js';
import { FORMAT, metadataFields, type ExportedCondition } from './metadata-fields.js';

/** A batch and a size in pixels. */
export interface FixedSize {
  readonly samples: number;
  readonly width: number;
  readonly height: number;
}

/** What an exported generator says about itself. */
export interface ExportedInfo {
  /** Of the Frameloom that wrote it. */
  readonly version: string;
  /** Steps the weights were trained. */
  readonly step: number;
  readonly seed: number;
  /** The size it was trained at; it takes others too. */
  readonly width: number;
  readonly height: number;
  readonly generator: {
    readonly historyFrames: number;
    readonly conditionFrames: number;
    readonly noiseChannels: number;
    readonly flow: boolean;
    /** Numbers of the input `style`; left out of files that have none. */
    readonly styleChannels?: number | undefined;
  };
  /** The looks of the clips that it was trained on; none of a generator that is told none. */
  readonly styles?: readonly ClipStyle[] | undefined;
  readonly condition: ExportedCondition;
  /** The whole pipeline of the training, as JSON holds it. */
  readonly pipeline: unknown;
  /** Which weights, by `weightsHash` of the training's; null in files that do not say. */
  readonly weights: string | null;
  /** The same of the weights as layers read them, which are what the file holds; null in files that do not say. */
  readonly layers: string | null;
  /** How the weights are stored; null in files that do not say. */
  readonly precision: FloatType | null;
  /** What the deep layers are computed in; null in files that do not say, which compute in float32. */
  readonly compute: FloatType | null;
  /** What it was written to be run by; null in files that do not say. */
  readonly target: ExportTarget | null;
  /** The one batch and size that it takes; null where they are chosen by whoever runs it. */
  readonly fixed: FixedSize | null;
  /** What the condition is made of and how it is sized, in words; null in files that do not say. */
  readonly input: string | null;
  /** The ffmpeg that made conditions where it was exported; null where that is not known. */
  readonly ffmpeg: string | null;
  readonly author: string | null;
  readonly licence: string | null;
}

/** What is told as plain text, where it is told. */
const WORDS = [
  ...([
    'weights',
    'layers',
    'precision',
    'compute',
    'target',
    'input',
    'ffmpeg',
    'author',
  ] as const),
  'licence',
] as const;

/** The text that goes into the file beside the graph. */
export function toMetadata(info: ExportedInfo): Record<string, string> {
  const { fixed, styles = [] } = info;
  const size = fixed
    ? `batch ${fixed.samples}, ${fixed.width}x${fixed.height}`
    : 'height and width are multiples of 4';
  return {
    'frameloom.format': FORMAT,
    'frameloom.version': info.version,
    'frameloom.step': String(info.step),
    'frameloom.seed': String(info.seed),
    'frameloom.width': String(info.width),
    'frameloom.height': String(info.height),
    'frameloom.tensors': `NCHW, float32; ${size}`,
    'frameloom.colour': 'RGB in [-1, 1]: a byte b is b / 127.5 - 1',
    'frameloom.flow': 'pixels from this frame back to the last, x right then y down',
    'frameloom.generator': JSON.stringify(info.generator),
    'frameloom.condition': JSON.stringify(info.condition),
    'frameloom.pipeline': JSON.stringify(info.pipeline),
    ...(styles.length > 0 && { 'frameloom.styles': JSON.stringify(styles) }),
    ...(fixed && { 'frameloom.fixed': JSON.stringify(fixed) }),
    ...Object.fromEntries(
      WORDS.flatMap((key) => {
        const text = info[key];
        return text === null ? [] : [[`frameloom.${key}`, text]];
      }),
    ),
  };
}

/** The number of `metadata_props` in ONNX's ModelProto; `key` is 1 and `value` 2 in each. */
const METADATA_PROPS = 14;
const LENGTH_DELIMITED = 2;

/** The properties beside the graph. The graph itself, nearly all of the file, is passed over. */
export function readProperties(file: Uint8Array): Record<string, string> {
  const found: Record<string, string> = {};
  const reader = new BinaryReader(file);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field !== METADATA_PROPS || (type as number) !== LENGTH_DELIMITED) {
      reader.skip(type, field);
      continue;
    }
    const entry = new BinaryReader(reader.bytes());
    let [key, value] = ['', ''];
    while (entry.pos < entry.len) {
      const [part, partType] = entry.tag();
      if (part === 1) key = entry.string();
      else if (part === 2) value = entry.string();
      else entry.skip(partType, part);
    }
    found[key] = value;
  }
  return found;
}

/**
 * What an ONNX file says about itself, without loading it into an engine.
 * @param path names the file in errors
 * @throws FrameloomError bad-input when it is no ONNX file, or none of Frameloom's, or says of itself
 *   what no export says; untrusted when it names other files
 */
export function readMetadata(file: Uint8Array, path: string): ExportedInfo {
  if (file.length === 0) {
    throw new FrameloomError('bad-input', `${path} is empty (0 bytes)`, {
      path,
      hint: 'give the file that `frameloom export` wrote',
    });
  }
  let entries: Record<string, string>;
  let external: boolean;
  try {
    entries = readProperties(file);
    external = hasExternalData(file);
  } catch (error) {
    throw new FrameloomError('bad-input', `${path} is not an ONNX file: ${messageOf(error)}`, {
      path,
      hint: 'give the file that `frameloom export` wrote',
      cause: error,
    });
  }
  if (entries['frameloom.format'] !== FORMAT) {
    throw new FrameloomError('bad-input', `${path} was not exported by this Frameloom`, {
      path,
      hint: 'export the run again: its conventions are not in the file, or are others',
    });
  }
  if (external) {
    throw new FrameloomError('untrusted', `${path} has numbers in other files; they are not read`, {
      path,
      hint: 'export the run again: all of its numbers then lie in the file',
    });
  }
  const found = metadataFields.safeParse(entries);
  if (!found.success) {
    const [issue] = found.error.issues;
    const key = issue?.path.join('.') ?? '';
    throw new FrameloomError(
      'bad-input',
      `${path} does not describe an exported generator: ${key}: ${issue?.message ?? ''}`,
      { path, hint: 'it was changed after the export, or is damaged', cause: found.error },
    );
  }
  const data = found.data;
  return {
    version: data['frameloom.version'],
    step: data['frameloom.step'],
    seed: data['frameloom.seed'],
    width: data['frameloom.width'],
    height: data['frameloom.height'],
    generator: data['frameloom.generator'],
    ...(data['frameloom.styles'] && { styles: data['frameloom.styles'] }),
    condition: data['frameloom.condition'],
    pipeline: data['frameloom.pipeline'],
    weights: data['frameloom.weights'] ?? null,
    layers: data['frameloom.layers'] ?? null,
    precision: data['frameloom.precision'] ?? null,
    compute: data['frameloom.compute'] ?? null,
    target: data['frameloom.target'] ?? null,
    fixed: data['frameloom.fixed'] ?? null,
    input: data['frameloom.input'] ?? null,
    ffmpeg: data['frameloom.ffmpeg'] ?? null,
    author: data['frameloom.author'] ?? null,
    licence: data['frameloom.licence'] ?? null,
  };
}
