import { describe, expect, it, vi } from 'vitest';
import { FrameloomError, isFrameloomError, messageOf } from '../../src/base/error.js';

describe('FrameloomError', () => {
  it.each([
    ['the message alone', {}, 'a.mp4 is empty'],
    ['what to do', { hint: 'record it again' }, 'a.mp4 is empty (record it again)'],
    ['where, unless the message says it', { path: 'a.mp4' }, 'a.mp4 is empty'],
    ['where in front', { path: 'data.clips' }, 'data.clips: a.mp4 is empty'],
    ['all of it', { path: 'x', hint: 'look' }, 'x: a.mp4 is empty (look)'],
  ])('says on one line %s', (_what, detail, line) => {
    expect(new FrameloomError('bad-input', 'a.mp4 is empty', detail).toLine()).toBe(line);
  });

  it('carries code, hint, path and cause as data', () => {
    const cause = new Error('EACCES');
    const error = new FrameloomError('write-failed', 'no', { hint: 'h', path: 'p', cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'FrameloomError', code: 'write-failed', hint: 'h' });
    expect(error).toMatchObject({ path: 'p', cause });
    expect(new FrameloomError('budget', 'no')).not.toHaveProperty('cause');
  });

  it('is told from others, and by its code', () => {
    const error = new FrameloomError('budget', 'too much');
    expect(isFrameloomError(error)).toBe(true);
    expect(isFrameloomError(error, 'budget')).toBe(true);
    expect(isFrameloomError(error, 'diverged')).toBe(false);
    expect(isFrameloomError(new Error('too much'), 'budget')).toBe(false);
    expect(isFrameloomError(null)).toBe(false);
  });
});

describe('another copy of the package', () => {
  it('makes errors that are known here, and knows those of here', async () => {
    vi.resetModules();
    const other = await import('../../src/base/error.js');
    expect(other.FrameloomError).not.toBe(FrameloomError);
    const theirs = new other.FrameloomError('budget', 'too much');
    expect(theirs).not.toBeInstanceOf(FrameloomError);
    expect(isFrameloomError(theirs, 'budget')).toBe(true);
    expect(isFrameloomError(theirs, 'diverged')).toBe(false);
    expect(other.isFrameloomError(new FrameloomError('budget', 'too much'))).toBe(true);
    // What only looks like one is none.
    expect(isFrameloomError({ name: 'FrameloomError', code: 'budget' })).toBe(false);
  });
});

describe('messageOf', () => {
  it('finds words for whatever was thrown', () => {
    expect(messageOf(new Error('why'))).toBe('why');
    expect(messageOf('why')).toBe('why');
    expect(messageOf(undefined)).toBe('undefined');
  });

  it.each([
    ["ENOENT: no such file or directory, open '/a, b'", 'no such file or directory'],
    [
      "EXDEV: cross-device link not permitted, rename 'a' -> 'b'",
      'cross-device link not permitted',
    ],
    ['EBADF: bad file descriptor, fstat', 'bad file descriptor'],
    ['spawn /no/ffmpeg ENOENT', 'there is no such program'],
    ['spawn /tmp EACCES', 'it is no program that may be run'],
    ['Error: a colon', 'Error: a colon'],
  ])('of %j leaves what is wrong', (message, words) => {
    expect(messageOf(new Error(message))).toBe(words);
  });
});
