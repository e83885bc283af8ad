import { stat } from 'node:fs/promises';
import { asGiven } from '../base/caller.js';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import {
  drawnStyle,
  knownStyle,
  namedStyle,
  styleNames,
  type ClipStyle,
} from '../networks/clip-styles.js';

/** Which look a generator is to make, where it was trained on several. */
export interface StyleOptions {
  /** A clip of the training by its name, or a picture or video that has the look. */
  readonly style?: string | undefined;
  /** Draws a look that lies between those of the training's clips. */
  readonly styleSeed?: number | undefined;
}

/** Names in a line that everybody reads. */
const MOST_NAMED = 4;

/** Makes a look of a picture or video. */
export type LookReader = (path: string) => Promise<readonly number[]>;

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * A model with the look that is asked for; one that is told none comes back as it is.
 * @param styles of the clips that it was trained on
 * @param read null where nothing makes looks of pictures
 * @throws FrameloomError bad-option where there is no such look, none can be told, or two are asked for; as `read`
 */
export async function withStyle<M extends { readonly style?: Float32Array | undefined }>(
  model: M,
  styles: readonly ClipStyle[],
  { style, styleSeed }: StyleOptions,
  { read, log }: { readonly read: LookReader | null; readonly log: Logger },
): Promise<M> {
  const flags = [asGiven('--style', 'style'), asGiven('--style-seed', 'styleSeed')] as const;
  if (style !== undefined && styleSeed !== undefined) {
    throw new FrameloomError('bad-option', `${flags[0]} and ${flags[1]} contradict each other`);
  }
  if (styles.length === 0) {
    if (style === undefined && styleSeed === undefined) return model;
    // Its words say what is missing.
    return { ...model, style: namedStyle(styles, style ?? '') };
  }
  if (styleSeed !== undefined) {
    if (!Number.isSafeInteger(styleSeed)) {
      throw new FrameloomError('bad-option', `${styleSeed} is no seed of a look`, {
        hint: 'give a whole number',
      });
    }
    return { ...model, style: drawnStyle(styles, styleSeed) };
  }
  if (style === undefined) {
    const { length } = styles;
    const more = length > MOST_NAMED ? ` and ${length - MOST_NAMED} more` : '';
    const names = `${styleNames(styles.slice(0, MOST_NAMED))}${more}`;
    const what = length === 1 ? `that of ${names}` : `the mean of ${length} clips’, ${names}`;
    log.info(`the look is ${what}: ${flags[0]} and ${flags[1]} choose another`);
    return model;
  }
  if (knownStyle(styles, style) || !(await isThere(style))) {
    return { ...model, style: namedStyle(styles, style) };
  }
  if (read) return { ...model, style: Float32Array.from(await read(style)) };
  throw new FrameloomError(
    'bad-option',
    `an exported file makes no look of ${style}: it takes those of its clips, by their names`,
    {
      path: style,
      hint: `${flags[0]} with one of ${styleNames(styles)}, or name the run’s folder`,
    },
  );
}
