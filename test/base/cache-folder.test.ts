import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheFolder as ofSetUp } from '../../scripts/setup/paths.mjs';
import { cacheFolder } from '../../src/base/cache-folder.js';

describe('the cache folder', () => {
  it('is what was named, else the user’s, else the platform’s', () => {
    const named = { FRAMELOOM_CACHE: 'near', XDG_CACHE_HOME: '/x' };
    expect(cacheFolder(named, 'linux', '/h')).toBe(resolve('near'));
    expect(cacheFolder({ FRAMELOOM_CACHE: '', XDG_CACHE_HOME: '/x' }, 'linux', '/h')).toBe(
      join('/x', 'frameloom'),
    );
    expect(cacheFolder({}, 'linux', '/h')).toBe(join('/h', '.cache', 'frameloom'));
  });

  it('is one for set-up and for clips, on every platform', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      for (const env of [
        {},
        { FRAMELOOM_CACHE: '/c', XDG_CACHE_HOME: '/x' },
        { FRAMELOOM_CACHE: '' },
        { XDG_CACHE_HOME: '/x' },
        { XDG_CACHE_HOME: '' },
        { LOCALAPPDATA: '/l' },
        { LOCALAPPDATA: '' },
      ]) {
        expect(cacheFolder(env, platform, '/h')).toBe(ofSetUp(env, platform, '/h'));
      }
    }
    expect(cacheFolder()).toBe(ofSetUp());
  });
});
