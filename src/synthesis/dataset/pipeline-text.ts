import { basename, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { DatasetHead, SequenceRecord } from './head.js';
import type { ActionOptions } from '../../clips/action-options.js';
import { toldActions } from '../../clips/actions-csv.js';
import { actionsFile, PART_FOLDERS } from './folder-writer.js';

/** The rate of most frames. */
function commonRate(records: readonly SequenceRecord[]): string {
  const frames = new Map<string, number>();
  for (const { fps, frames: count } of records) frames.set(fps, (frames.get(fps) ?? 0) + count);
  return [...frames].sort(([, a], [, b]) => b - a)[0]![0];
}

/** Sequences of which nobody said what is done in them. */
export const withoutActions = (records: readonly SequenceRecord[]): readonly SequenceRecord[] =>
  records.filter(({ parts }) => parts.actions === undefined);

function conditionOf({ condition, parts }: DatasetHead): unknown {
  if (!parts.includes('condition')) return 'none';
  const path = `${PART_FOLDERS.condition.folder}/{name}`;
  const paired = { kind: 'paired', content: condition.content, path };
  return condition.content === 'labels' ? { ...paired, classes: condition.channels } : paired;
}

/**
 * A pipeline that trains on the folders of a data set as they lie, its paths relative to them.
 * @param actions what the generator was told of each frame; left out where it is not known of all sequences
 * @returns YAML
 */
export function pipelineText(
  folder: string,
  head: DatasetHead,
  records: readonly SequenceRecord[],
  actions: ActionOptions | undefined,
): string {
  const name = basename(resolve(folder)).replaceAll(/[^A-Za-z0-9._-]/g, '-');
  const { width, height, condition } = head;
  const text = stringify({
    name: /^[A-Za-z0-9]/.test(name) ? name : `dataset${name}`,
    data: {
      clips: records.map((record) => `${PART_FOLDERS.image.folder}/${record.name}`),
      size: `${width}x${height}`,
      fps: commonRate(records),
      condition: conditionOf(head),
      ...(actions &&
        withoutActions(records).length === 0 && {
          actions: toldActions(actions, actionsFile('{name}')),
        }),
    },
    ...(condition.content === 'none' && { generator: { noiseChannels: 8 } }),
  });
  const classes = condition.classes.map(({ id, name: own }) => `#   ${id} ${own}`);
  return [
    '# Trains on what lies beside this file.',
    ...(classes.length > 0 ? ['# The ids of the label maps:', ...classes] : []),
    text,
  ].join('\n');
}
