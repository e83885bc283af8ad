import { readFile } from 'node:fs/promises';
import { FrameloomError, messageOf } from '../../base/error.js';
import type { ConditionLayout, DataOptions } from '../../clips/index.js';
import { dataOptions } from '../../clips/options.js';
import { readMetadata, type ExportedInfo } from '../../export/metadata.js';
import type { Device } from '../../export/runtime.js';
import { meanStyle } from '../../networks/clip-styles.js';
import { runSize } from './run-size.js';
import type { Synthesizer } from '../engines/synthesizer.js';

/** An exported generator, loaded somewhere. Several synthesizers may share it. */
export interface ExportedModel {
  readonly path: string;
  readonly info: ExportedInfo;
  /** The data section of the pipeline it was trained by: the rule for conditions. */
  readonly data: DataOptions;
  readonly layout: ConditionLayout;
  readonly seed: number;
  /** Steps the weights were trained. */
  readonly step: number;
  readonly width: number;
  readonly height: number;
  /** Where it really runs. */
  readonly device: Device;
  /** The look that frames are made in, the mean of its clips' unless chosen; none of a generator that is told none. */
  readonly style?: Float32Array | undefined;
  /**
   * One more recurrent state of it.
   * @param seed of the noise; the training's unless given
   * @param style another look than the model's
   */
  open(seed?: number, style?: Float32Array): Synthesizer;
  /** Lets the engine go; synthesizers of it are no longer usable. */
  release(): Promise<void>;
}

/** What a file says of itself, at a size that it is to be run in. */
export type ExportedDescription = Omit<ExportedModel, 'device' | 'open' | 'release'>;

/** @throws FrameloomError not-found */
export async function readExported(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FrameloomError('not-found', `cannot read ${path}: ${messageOf(error)}`, {
      path,
      hint: 'write it with `frameloom export`',
      cause: error,
    });
  }
}

/**
 * Reads what an exported file says of itself; no engine is loaded.
 * @param size pixels, multiples of 4; the size it was trained at unless given
 * @throws FrameloomError bad-input: no exported generator, or another size than multiples of 4;
 *   untrusted where it names a file of this machine
 */
export function describeExported(
  file: Uint8Array,
  path: string,
  size: { readonly width?: number | undefined; readonly height?: number | undefined } = {},
): ExportedDescription {
  const info = readMetadata(file, path);
  const { width, height } = runSize(info, size, path);
  const data = dataOptions.safeParse((info.pipeline as { data?: unknown } | null)?.data);
  if (!data.success || data.data.condition.kind !== info.condition.kind) {
    throw new FrameloomError('bad-input', `${path} was exported by another Frameloom`, {
      path,
      hint: 'export the run again',
      cause: data.error,
    });
  }
  refuseFiles(data.data, path);
  const { condition: layout, seed, step } = info;
  const style = info.styles ? { style: meanStyle(info.styles) } : {};
  return { path, info, data: data.data, layout, seed, step, width, height, ...style };
}

/** An export holds its palette; one that names a file would have it read on every machine it comes to. */
function refuseFiles({ condition }: DataOptions, path: string): void {
  if (condition.kind !== 'paired' || condition.content !== 'labels') return;
  if (typeof condition.palette !== 'string') return;
  const named = JSON.stringify(condition.palette.slice(0, 200));
  throw new FrameloomError('untrusted', `${path} names a palette file, ${named}; it is not read`, {
    path,
    hint: 'export the run again: the palette itself then lies in the file',
  });
}
