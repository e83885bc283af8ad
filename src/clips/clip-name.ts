import { statSync, type Stats } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { isNumbered, isSelection, PICTURE_EXTENSIONS } from '../video/sequence.js';

/** What is there; undefined of nothing, and of what no path can be. */
function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a path stands for some pictures of its folder, by `%d` or by `*`. */
export const isPicturePattern = (path: string): boolean =>
  isSelection(path) || (isNumbered(path) && PICTURE_EXTENSIONS.has(extname(path).toLowerCase()));

/**
 * What a clip or an input is called, in templates of conditions and of outputs alike:
 * `clips/street.mp4` and the folder `clips/street` are street; a pattern such as
 * `street/%05d.png` is called by its folder, since its own name is the same in every folder.
 */
export function nameOfClip(path: string): string {
  const whole = resolve(path);
  if (isPicturePattern(path) && !factsOf(whole)) {
    return basename(dirname(whole));
  }
  // `sequence.0` has no extension if it is a folder.
  return factsOf(whole)?.isDirectory() ? basename(whole) : basename(whole, extname(whole));
}

/** The folder that a clip lies in; of a pattern the one that its pictures lie in. */
export const folderOfClip = (path: string): string => dirname(path);

/** What the folder around a clip is called: of the pattern `a/b/%05d.png`, which is called b, it is a. */
export function parentOfClip(path: string): string {
  const whole = resolve(path);
  const isPattern = isPicturePattern(path) && !factsOf(whole);
  return basename(dirname(isPattern ? dirname(whole) : whole));
}
