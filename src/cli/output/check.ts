import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { assertWritable, refuseExisting } from '../../base/outputs.js';
import { runPaths } from '../../training/run/run-folder.js';
import {
  assertFree,
  assertHolds,
  assertNotAnInput,
  assertPixelFormat,
  formatOf,
  isPictureFormat,
} from '../../video/index.js';

/** The files that a model is read from: an exported one's own, or what a run was trained by and to, its log too. */
export async function modelFiles(place: string): Promise<string[]> {
  if (/\.onnx$/i.test(place)) return [place];
  const { pipeline, snapshots, exports } = runPaths(place);
  // What is no run is told when it is opened.
  const names = await readdir(snapshots, { recursive: true }).catch(() => []);
  const own = await readdir(place, { withFileTypes: true }).catch(() => []);
  return [
    ...[pipeline, join(exports, 'generator.onnx')],
    ...names.map((name) => join(snapshots, name)),
    ...own.filter((entry) => entry.isFile()).map(({ name }) => join(place, name)),
  ];
}

export interface OutputCheck {
  readonly format?: string | undefined;
  readonly overwrite?: boolean | undefined;
  readonly outputPixelFormat?: string | undefined;
  /** Told of what is finished that a process left which died over it. */
  readonly log?: Logger | undefined;
  /** How many there will be, where that is known. */
  readonly frames?: number | undefined;
  /** Files, folders of pictures and patterns that are read. */
  readonly reads: readonly string[];
}

/**
 * Says of a video that is to be written, before anything is loaded, whether it may be.
 * @throws FrameloomError bad-option where it is one of the files read, or of a pixel format that
 *   there is not; exists where it is there and
 *   not to be replaced
 */
export async function checkVideoOutput(output: string, check: OutputCheck): Promise<void> {
  if (check.outputPixelFormat !== undefined) await assertPixelFormat(check.outputPixelFormat);
  const pictures = output !== '-' && isPictureFormat(formatOf(output, check.format));
  await assertNotAnInput(output, check.reads, pictures);
  await assertHolds(output, pictures, check.frames ?? null);
  await assertFree(output, pictures, check);
}

/** The same of any other file. */
export async function checkFileOutput(output: string, check: OutputCheck): Promise<void> {
  if (output === '-' || output === '') {
    const what = output === '' ? 'the output is empty' : 'only frames can be written to a pipe';
    throw new FrameloomError('bad-option', what, { hint: 'name a file' });
  }
  const facts = await stat(output).catch(() => undefined);
  if (facts?.isDirectory() || /[\\/]$/.test(output)) {
    throw new FrameloomError('bad-option', `${output} is a folder`, {
      path: output,
      hint: 'name a file in it',
    });
  }
  await assertNotAnInput(output, check.reads);
  if (!check.overwrite) await refuseExisting(output);
  await assertWritable(output);
}
