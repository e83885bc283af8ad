import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import type { Rational } from '../../base/rational.js';
import { readActions } from '../../clips/action-table.js';
import { trackOf } from '../../clips/action-track.js';
import { actionRules, type ActionRules } from '../../clips/actions.js';
import { fillTemplate } from '../../clips/pair-clips.js';
import type { OpenedVideo } from '../../video/index.js';
import type { GivenActions } from '../engines/told-actions.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { totalFrames } from './input-checks.js';

/** What is done in each frame of an input, by its number; undefined of a generator that is told nothing. */
export type InputActions = (frame: number) => GivenActions | undefined;

export interface InputActionsOptions {
  /** The file of them; that which the model's pipeline names for such a clip unless given, where it is there. */
  readonly actions?: string | undefined;
  readonly baseFolder: string;
  readonly fps: Rational;
  /** That rate was asked for. */
  readonly resample: boolean;
  readonly log?: Logger | undefined;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );

/**
 * The file of what is done in an input: the one that is given, or the one that the model's pipeline names beside it. Null
 * where there is none.
 */
export async function actionsFileOf(
  model: AnyModel,
  input: string | null,
  { actions: given, baseFolder }: Pick<InputActionsOptions, 'actions' | 'baseFolder'>,
): Promise<string | null> {
  const { actions } = dataOf(model);
  if (given !== undefined) return resolve(baseFolder, given);
  if (!actions || typeof actions.path !== 'string' || !actions.path.includes('{')) return null;
  if (input === null) return null;
  const beside = fillTemplate(actions.path, input, baseFolder, 'data.actions.path');
  return (await isFile(beside)) ? beside : null;
}

/**
 * What is done in each frame of an input. Where nobody says, it is not known, and the generator goes on as it was seen to;
 * that is a warning.
 * @throws FrameloomError bad-option for a model that is told nothing, and for a pipe, whose frames are not counted; as
 *   `readActions` and `trackOf`
 */
export async function openInputActions(
  model: AnyModel,
  video: OpenedVideo,
  options: InputActionsOptions,
): Promise<(frame: number) => Float32Array | null | undefined> {
  const { log = silentLogger, fps, resample } = options;
  const flag = asGiven('--actions', 'actions');
  const rules: ActionRules | null = actionRules(dataOf(model).actions);
  if (!rules) {
    if (options.actions === undefined) return () => undefined;
    throw new FrameloomError('bad-option', 'this generator is told no actions', {
      hint: `leave ${flag} out`,
    });
  }
  const { info, isStream } = video;
  const path = await actionsFileOf(model, info.path, options);
  const clip = info.path ?? 'the stream';
  if (path === null) {
    log.warn(`nobody says what is done in ${clip}: the world goes on by itself (give ${flag})`);
    return () => null;
  }
  const frameCount = totalFrames(info, resample ? fps : undefined);
  if (isStream || frameCount === null) {
    throw new FrameloomError('bad-option', 'what is done is told of the frames of a file', {
      hint: `leave ${flag} out, or give the video as a file`,
      path,
    });
  }
  const hint = options.actions === undefined ? undefined : `${flag} names the CSV file of it`;
  const table = await readActions(path, clip, rules, hint);
  // Rows are of the whole file, whatever part of it is made.
  const { whole } = video;
  const firstFrame = whole?.framesBefore(resample ? fps : undefined) ?? 0;
  const own = { path: clip, info: whole?.info ?? info, firstFrame, frameCount };
  const { values, warnings } = trackOf(table, own, rules, { fps, resample });
  for (const warning of warnings) log.warn(`${path} ${warning}`);
  const size = rules.columns.length;
  return (frame) => {
    const at = Math.min(frame, frameCount - 1);
    return values.subarray(at * size, (at + 1) * size);
  };
}
