import { InvalidArgumentError, Option, type Command } from 'commander';
import { FrameloomError } from '../../../base/error.js';
import {
  DATASET_FORMATS,
  EXTRAS,
  type DatasetFormat,
  type Extra,
} from '../../../synthesis/dataset/names.js';
import { countingNumber } from '../../values.js';

export interface DatasetFlags {
  dataset?: string;
  datasetFormat?: DatasetFormat;
  with?: Extra[];
  sequenceNames?: string;
  shardSamples?: number;
}

/** Reads `flow,mask`, one of them, or `none`. */
function extraList(text: string): Extra[] {
  if (text === 'none') return [];
  return text.split(',').map((word) => {
    const extra = EXTRAS.find((each) => each === word.trim() || `${each}s` === word.trim());
    if (extra) return extra;
    throw new InvalidArgumentError(`"${word}" is not ${EXTRAS.join(', ')} or none.`);
  });
}

/** --dataset and what goes with it. */
export const addDatasetFlags = (command: Command): Command =>
  command
    .option(
      '--dataset <folder>',
      'instead of videos write a paired data set: frames, conditions (labels as ids), flow, masks',
    )
    .addOption(
      new Option(
        '--dataset-format <name>',
        'folders of numbered files (unless given), or WebDataset tar shards',
      ).choices([...DATASET_FORMATS]),
    )
    .option(
      '--with <parts>',
      'flow,mask or none beside images and conditions; all that the generator has unless given',
      extraList,
    )
    .option(
      '--sequence-names <template>',
      'what sequences are called, of {name} {parent} {seed} {index}; {name} unless given',
    )
    .option('--shard-samples <count>', 'samples of a tar shard; 1000 unless given', countingNumber);

/** What of the other flags means something for a data set. */
const SHARED: ReadonlySet<string> = new Set([
  ...[
    'input',
    'list',
    'startFrames',
    'actions',
    'start',
    'duration',
    'seed',
    'seeds',
    'jobs',
    'shard',
  ],
  ...['pixFmt', 'size', 'fps', 'inputMatrix', 'inputRange', 'onDamage', 'trustFilters'],
  ...['snapshot', 'engine', 'device', 'threads', 'outputSize', 'json', 'overwrite'],
]);
const OWN = ['datasetFormat', 'with', 'sequenceNames', 'shardSamples'] as const;

const asFlag = (key: string): string =>
  key === 'output' ? '-o' : `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * A flag that did nothing is a defect to whoever gave it.
 * @throws FrameloomError bad-option for one of videos beside --dataset, or of data sets without it
 */
export function refuseMixedFlags(flags: DatasetFlags & { readonly output?: string }): void {
  const given = Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([key]) => key);
  if (flags.dataset === undefined) {
    const lone = OWN.find((key) => given.includes(key));
    if (lone === undefined) return;
    throw new FrameloomError('bad-option', `${asFlag(lone)} is for --dataset`, {
      hint: 'say where the data set goes: --dataset DIR',
    });
  }
  if (flags.dataset === '' || flags.dataset === '-') {
    throw new FrameloomError('bad-option', `--dataset is "${flags.dataset}", which is no folder`, {
      hint: 'name a new folder',
    });
  }
  const own: readonly string[] = OWN;
  const other = given.find((key) => key !== 'dataset' && !own.includes(key) && !SHARED.has(key));
  if (other !== undefined) {
    throw new FrameloomError('bad-option', `${asFlag(other)} does nothing for --dataset`, {
      hint:
        other === 'dryRun'
          ? 'leave it out: --dry-run is of videos'
          : 'leave it out: a data set holds pictures, and no video',
    });
  }
  if (flags.shardSamples !== undefined && flags.datasetFormat !== 'webdataset') {
    throw new FrameloomError('bad-option', '--shard-samples is for --dataset-format webdataset');
  }
}
