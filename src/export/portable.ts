import { basename } from 'node:path';
import { loadPalette } from '../clips/labels.js';
import type { DataOptions } from '../clips/index.js';

const nameOnly = (path: string): string => basename(path.replaceAll('\\', '/'));

/** Beside a clip is beside it on every machine. */
const portableTemplate = (path: string): string =>
  path.startsWith('{folder}') ? path : nameOnly(path);

/**
 * A pipeline as an exported file may carry it to other machines: no folders of this one, and the
 * palette itself instead of its path.
 * @throws FrameloomError not-found, bad-data of the palette
 */
export async function portablePipeline<P extends { readonly data: DataOptions }>(
  pipeline: P,
  baseFolder: string,
): Promise<P> {
  const { data } = pipeline;
  const clips = data.clips.map(nameOnly);
  let { condition } = data;
  if (condition.kind === 'paired') {
    const { path } = condition;
    condition = { ...condition, path: Array.isArray(path) ? path.map(nameOnly) : nameOnly(path) };
    if (condition.content === 'labels' && condition.palette !== undefined) {
      condition = { ...condition, palette: await loadPalette(condition.palette, baseFolder) };
    }
  }
  const keyframes = data.keyframes && {
    ...data.keyframes,
    folder: nameOnly(data.keyframes.folder),
  };
  const actions = data.actions && {
    ...data.actions,
    path: Array.isArray(data.actions.path)
      ? data.actions.path.map(portableTemplate)
      : portableTemplate(data.actions.path),
  };
  return {
    ...pipeline,
    data: {
      ...{ ...data, clips, condition },
      ...(keyframes && { keyframes }),
      ...(actions && { actions }),
    },
  };
}
