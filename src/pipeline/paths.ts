import { isAbsolute, resolve } from 'node:path';
import type { Pipeline } from './schema.js';

/** Paths with forward slashes, which globs need and every system reads. */
const absolute = (folder: string, path: string): string =>
  isAbsolute(path) ? path : resolve(folder, path).replaceAll('\\', '/');

/** A template that begins at the clip's own folder is absolute by what it is filled with. */
const absoluteTemplate = (folder: string, path: string): string =>
  path.startsWith('{folder}') ? path : absolute(folder, path);

/** Of actions, which may be written in the place of a condition. */
function actionPath(
  { actions, condition }: Pipeline['data'],
  folderOf: (...keys: string[]) => string,
): string | string[] {
  const keys = ['data.actions.path', ...(condition.kind === 'none' ? ['data.condition.path'] : [])];
  const folder = folderOf(...keys);
  const { path } = actions!;
  return Array.isArray(path)
    ? path.map((one) => absoluteTemplate(folder, one))
    : absoluteTemplate(folder, path);
}

/**
 * A pipeline whose paths hold wherever it is read from, as the copy in a run folder must.
 * @param folderOf the folder that relative paths of a key are relative to, by whichever of its names it was said
 */
export function absolutePaths(
  pipeline: Pipeline,
  folderOf: (...keys: string[]) => string,
): Pipeline {
  const { data } = pipeline;
  const clips = data.clips.map((clip) => absolute(folderOf('data.clips'), clip));
  let { condition } = data;
  if (condition.kind === 'paired') {
    const folder = folderOf('data.condition.path');
    const path = Array.isArray(condition.path)
      ? condition.path.map((one) => absoluteTemplate(folder, one))
      : absoluteTemplate(folder, condition.path);
    condition = { ...condition, path };
    if (condition.content === 'labels' && typeof condition.palette === 'string') {
      const palette = absolute(folderOf('data.condition.palette'), condition.palette);
      condition = { ...condition, palette };
    }
  }
  const keyframes = data.keyframes && {
    ...data.keyframes,
    folder: absolute(folderOf('data.keyframes.folder'), data.keyframes.folder),
  };
  const actions = data.actions && { ...data.actions, path: actionPath(data, folderOf) };
  return {
    ...pipeline,
    data: {
      ...{ ...data, clips, condition },
      ...(keyframes && { keyframes }),
      ...(actions && { actions }),
    },
  };
}
