import { createHash } from 'node:crypto';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack as startPack, type Pack } from 'tar-stream';
import { flush } from '../../base/flush.js';
import { Checksums } from './checksums.js';
import { numberText } from './folder-writer.js';
import { encodeNpy, encodeSample, type Part, type SamplePart } from './parts.js';
import type { Move } from './place.js';
import type { FinishedSequence, SequenceWriter, Shard } from './writer.js';

/** Where shards lie in a data set. */
export const SHARD_FOLDER = 'shards';

/** What follows the key in the names of a sample's files; WebDataset's readers decode by its end. */
export const SHARD_EXTENSIONS: Readonly<Record<SamplePart, string>> = {
  image: 'image.png',
  condition: 'condition.png',
  flow: 'flow.npy',
  mask: 'mask.png',
};

export interface ShardWriterOptions {
  readonly samplesPerShard: number;
  readonly seed: number;
  /** Names of what is done in each frame; none where nothing is told. */
  readonly columns?: readonly string[] | undefined;
}

interface OpenShard {
  readonly to: string;
  readonly pack: Pack;
  /** What the file holds, when all of it is on the disk; rejects when it cannot be written. */
  readonly done: Promise<{ readonly sha256: string; readonly bytes: number }>;
  samples: number;
}

/** Writes a tar file as it is packed. */
async function store(pack: Pack, path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await openFile(path, 'wx').catch((error: unknown) => {
    pack.destroy();
    throw error;
  });
  try {
    for await (const piece of pack as AsyncIterable<Buffer>) {
      await file.appendFile(piece);
      hash.update(piece);
      bytes += piece.length;
    }
    await flush(file);
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** The same in every shard, so that the same samples are the same bytes. */
const ATTRIBUTES = { mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 };

/**
 * Writes a sequence as WebDataset shards: tar files in which the files of a sample lie one after
 * the other and have one name up to the first dot.
 * @param temporary an empty folder on the disk of the data set
 */
export async function openShardWriter(
  temporary: string,
  sequence: string,
  { samplesPerShard, seed, columns = [] }: ShardWriterOptions,
): Promise<SequenceWriter> {
  const list = join(temporary, 'sha256');
  const checksums = await Checksums.create(list);
  const counts = new Map<Part, { files: number; bytes: number }>();
  const shards: Shard[] = [];
  const moves: Move[] = [];
  let current: OpenShard | undefined;

  function open(): OpenShard {
    const name = `${sequence}-${numberText(moves.length)}.tar`;
    const path = join(temporary, name);
    const pack = startPack();
    const done = store(pack, path);
    // Heard where the next entry is written.
    done.catch(() => undefined);
    moves.push({ from: path, to: `${SHARD_FOLDER}/${name}` });
    return { to: `${SHARD_FOLDER}/${name}`, pack, done, samples: 0 };
  }

  async function end(): Promise<void> {
    if (!current) return;
    const { pack, done, to, samples } = current;
    pack.finalize();
    current = undefined;
    const stored = await done;
    await checksums.addHash(to, stored.sha256, stored.bytes);
    shards.push({ path: to, samples, ...stored });
  }

  /** One entry; resolves when the file has taken it. */
  async function entry(
    { pack, done }: OpenShard,
    name: string,
    content: Uint8Array,
  ): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      const header = { name, ...ATTRIBUTES, size: content.length };
      const sink = pack.entry(header, Buffer.from(content), (error) => {
        if (error) reject(error);
        else resolve();
      });
      // Told by the callback.
      sink.on('error', () => undefined);
    });
    // A file that fails takes nothing any more, and says why.
    try {
      await Promise.race([taken, done]);
    } catch (error) {
      if (pack.destroyed) await done;
      throw error;
    }
  }

  return {
    async add(sample) {
      current ??= open();
      const key = `${sequence}-${numberText(sample.number)}`;
      for (const [part, content] of encodeSample(sample, encodeNpy)) {
        const count = counts.get(part) ?? { files: 0, bytes: 0 };
        counts.set(part, { files: count.files + 1, bytes: count.bytes + content.length });
        await entry(current, `${key}.${SHARD_EXTENSIONS[part]}`, content);
      }
      const { number: frame, timeSeconds, isReal } = sample;
      const { actions } = sample;
      const about = {
        ...{ sequence, frame, timeSeconds, seed, real: isReal },
        ...(columns.length > 0 && {
          actions: actions && Object.fromEntries(columns.map((name, at) => [name, actions[at]])),
        }),
      };
      await entry(current, `${key}.json`, Buffer.from(JSON.stringify(about)));
      current.samples += 1;
      if (current.samples === samplesPerShard) await end();
    },
    async finish(): Promise<FinishedSequence> {
      await end();
      await checksums.finish();
      return { moves, checksums: list, parts: Object.fromEntries(counts), shards };
    },
    async close() {
      current?.pack.destroy();
      await current?.done.catch(() => undefined);
      current = undefined;
      await checksums.close();
    },
  };
}
