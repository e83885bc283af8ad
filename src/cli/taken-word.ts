import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FrameloomError } from '../base/error.js';

/** Whether a word names something to generate with: a run's folder or an exported file. */
export const isModelWord = (word: string): boolean =>
  /\.onnx$/i.test(word) || existsSync(join(word, 'pipeline.yaml'));

/** Whether a word names a pipeline: by its file, or one that comes along by its name. */
export const isPipelineWord = (word: string): boolean =>
  /\.ya?ml$/i.test(word) || (/^[a-z][a-z\d-]*$/i.test(word) && !existsSync(word));

export interface TakenWord {
  /** What the command is for, where the line had it in its own place. */
  readonly word: string | undefined;
  /** What it is called: `run`, `pipeline`. */
  readonly what: string;
  /** The option that takes several words, and so took this one too when it stood before it. */
  readonly flag: string;
  readonly values: readonly string[] | undefined;
  /** Tells such a word from what the option is for. */
  readonly isIt: (word: string) => boolean;
}

/**
 * Options may stand before or behind a command's own word; one of several values then takes that word
 * as one of them, and it is given back.
 * @throws FrameloomError bad-option where it is missing, or cannot be told from the values
 */
export function takeBack({ word, what, flag, values, isIt }: TakenWord): {
  word: string;
  values: string[] | undefined;
} {
  if (word !== undefined) return { word, values: values && [...values] };
  const [found, ...others] = (values ?? []).filter(isIt);
  if (found !== undefined && others.length === 0 && values !== undefined) {
    return { word: found, values: values.filter((value) => value !== found) };
  }
  const taken = values && values.length > 0 ? `: ${flag} took ${values.join(', ')}` : '';
  throw new FrameloomError('bad-option', `the ${what} is missing${taken}`, {
    hint: taken === '' ? 'name it behind the command' : `name it first, in front of ${flag}`,
  });
}

/** The pipeline of a command that takes clips by `--clip`. @throws FrameloomError as takeBack does */
export const takePipeline = (
  word: string | undefined,
  values: readonly string[] | undefined,
): { word: string; values: string[] | undefined } =>
  takeBack({ word, values, what: 'pipeline', flag: '--clip', isIt: isPipelineWord });

/**
 * For what is done with a run's own weights and frames, which an exported file does not hold.
 * @param does what the command does with a run, as in "is evaluated"
 * @throws FrameloomError bad-option
 */
export function refuseExported(place: string, does: string): void {
  if (!/\.onnx$/i.test(place)) return;
  throw new FrameloomError('bad-option', `${place} is an exported file; a run’s folder ${does}`, {
    path: place,
    hint: 'name the folder that it was exported from, such as runs/00001-edges-to-video',
  });
}
