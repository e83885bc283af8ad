import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, silentLogger } from '../../src/base/log.js';
import { BlockCache } from '../../src/clips/block-cache.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-cache-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const block = (value: number, length = 10): Uint8Array => new Uint8Array(length).fill(value);

describe('BlockCache', () => {
  it('stays within its bounds and gives back what it kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 40 }),
        fc.nat(50),
        fc.nat(50),
        async (uses, memoryBytes, diskBytes) => {
          const cache = new BlockCache({ memoryBytes, diskBytes, folder, log: silentLogger });
          try {
            for (const [key, write] of uses) {
              if (write) await cache.put(key, block(key));
              const found = await cache.get(key);
              expect(found ?? block(key)).toEqual(block(key));
              expect(found !== undefined || !write || memoryBytes < 10).toBe(true);
              expect(cache.usage.memoryBytes).toBeLessThanOrEqual(memoryBytes);
              expect(cache.usage.diskBytes).toBeLessThanOrEqual(diskBytes);
            }
          } finally {
            await cache.close();
          }
        },
      ),
      { numRuns: 25 },
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets the least used out of memory, onto disk, and then forgets', async () => {
    const cache = new BlockCache({ memoryBytes: 20, diskBytes: 10, folder, log: silentLogger });
    await cache.put(1, block(1));
    await cache.put(2, block(2));
    expect(cache.peek(1)).toBeDefined();
    await cache.put(3, block(3));
    expect(cache.peek(2)).toBeUndefined();
    expect(cache.has(2)).toBe(true);
    await cache.put(4, block(4));
    expect(cache.has(1)).toBe(false);
    expect(await cache.get(2)).toEqual(block(2));
    expect(cache.hasRoomFor(1)).toBe(false);
    await cache.close();
  });

  it('goes on without a disk that fails, and says so once', async () => {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => void lines.push(line) });
    const nowhere = join(folder, 'file\0name');
    const cache = new BlockCache({ memoryBytes: 10, diskBytes: 100, folder: nowhere, log });
    for (let i = 0; i < 4; i += 1) await cache.put(i, block(i));
    expect(cache.peek(3)).toEqual(block(3));
    expect(await cache.get(0)).toBeUndefined();
    expect(lines.join('')).toMatch(/^warning: the cache of frames on disk is off: .*\n$/);
    await cache.close();
  });
});
