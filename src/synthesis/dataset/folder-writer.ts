import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Checksums } from './checksums.js';
import { actionRow, actionsCsv } from '../../clips/actions-csv.js';
import { encodeFlo, encodeSample, PARTS, type Part, type SamplePart } from './parts.js';
import { syncFiles, type Move } from './place.js';
import type { FinishedSequence, SequenceWriter } from './writer.js';

/** The folder of each part, and how its files are called. */
export const PART_FOLDERS: Readonly<Record<SamplePart, { folder: string; extension: string }>> = {
  image: { folder: 'images', extension: '.png' },
  condition: { folder: 'conditions', extension: '.png' },
  flow: { folder: 'flow', extension: '.flo' },
  mask: { folder: 'masks', extension: '.png' },
};

/** What was done in the frames of a sequence, relative to the data set. */
export const actionsFile = (sequence: string): string => `actions/${sequence}.csv`;

/** The folder of a sequence's files of a part, relative to the data set; the file itself of actions. */
export const partPlace = (part: Part, sequence: string): string =>
  part === 'actions' ? actionsFile(sequence) : `${PART_FOLDERS[part].folder}/${sequence}`;

export const numberText = (number: number): string => String(number).padStart(6, '0');

async function* filesOf(temporary: string, parts: Iterable<Part>): AsyncGenerator<string> {
  for (const part of parts) {
    if (part === 'actions') {
      yield join(temporary, part);
      continue;
    }
    const folder = join(temporary, part);
    for (const name of await readdir(folder)) yield join(folder, name);
  }
}

/**
 * Writes a sequence as numbered files, a folder a part.
 * @param temporary an empty folder on the disk of the data set
 * @param columns names of what is done in each frame; none where nothing is told
 */
export async function openFolderWriter(
  temporary: string,
  sequence: string,
  columns: readonly string[] = [],
): Promise<SequenceWriter> {
  const list = join(temporary, 'sha256');
  const checksums = await Checksums.create(list);
  const counts = new Map<Part, { files: number; bytes: number }>();
  const rows: string[] = [];
  return {
    async add(sample) {
      for (const [part, content] of encodeSample(sample, encodeFlo)) {
        const name = `${numberText(sample.number)}${PART_FOLDERS[part].extension}`;
        const count = counts.get(part) ?? { files: 0, bytes: 0 };
        if (!counts.has(part)) await mkdir(join(temporary, part));
        counts.set(part, { files: count.files + 1, bytes: count.bytes + content.length });
        await writeFile(join(temporary, part, name), content, { flag: 'wx' });
        await checksums.add(`${partPlace(part, sequence)}/${name}`, content);
      }
      if (sample.actions) rows.push(actionRow(rows.length, sample.actions));
    },
    async finish(): Promise<FinishedSequence> {
      if (rows.length > 0) {
        const content = Buffer.from(actionsCsv(columns, rows));
        counts.set('actions', { files: 1, bytes: content.length });
        await writeFile(join(temporary, 'actions'), content, { flag: 'wx' });
        await checksums.add(actionsFile(sequence), content);
      }
      await checksums.finish();
      await syncFiles(filesOf(temporary, counts.keys()));
      const moves: Move[] = [...counts.keys()].map((part) => ({
        from: join(temporary, part),
        to: partPlace(part, sequence),
      }));
      return {
        moves,
        checksums: list,
        parts: Object.fromEntries(counts),
        shards: [],
      };
    },
    close: () => checksums.close(),
  };
}

/** All places of a sequence that may be taken. */
export const folderPlaces = (sequence: string): string[] =>
  PARTS.map((part) => partPlace(part, sequence));
