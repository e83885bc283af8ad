import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { gatherInputs } from '../../../src/cli/input/inputs.js';
import { listText, readList } from '../../../src/cli/input/list-text.js';
import { failure } from '../../video/frames.js';
import { scratchPath } from '../../video/make-clip.js';

describe('a list', () => {
  it('may end its paths in zero bytes, as find -print0 does', () => {
    expect(listText(Buffer.from('a.mkv\0süß.mkv\0'), 'list')).toBe('a.mkv\nsüß.mkv\n');
    expect(() => listText(Buffer.from('a\nb.mkv\0c.mkv\0'), 'list')).toThrow('holds a line end');
    expect(listText(Buffer.from('电影.mp4', 'utf16le'), 'list')).toBe('电影.mp4');
  });

  it.skipIf(process.platform === 'win32')('is no device, and a silent pipe obeys', async () => {
    expect(await failure(readList('/dev/zero'))).toMatchObject({ code: 'bad-option' });
    const pipe = scratchPath('list');
    await promisify(execFile)('mkfifo', [pipe]);
    const stop = new AbortController();
    const read = failure(readList(pipe, stop.signal));
    setTimeout(() => stop.abort(new Error('stopped')), 60);
    expect(await read).toMatchObject({ message: expect.stringContaining('stopped') as string });
  });

  it('and an input have a name', async () => {
    await expect(gatherInputs([''], undefined)).rejects.toThrow('-i is empty');
    await expect(gatherInputs([], '')).rejects.toThrow('--list is empty');
  });
});
