import { describe, expect, it } from 'vitest';
import { whyInstall } from '../../scripts/setup/packages.mjs';

const lock = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/@s/b': { version: '2.0.0', integrity: 'sha512-b' },
    'node_modules/a/node_modules/other-platform': { version: '3.0.0', optional: true },
  },
};
const installed = {
  packages: {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/@s/b': { version: '2.0.0', integrity: 'sha512-b' },
  },
};

describe('whyInstall', () => {
  it('wants nothing when the same packages are there, those of other platforms apart', () => {
    expect(whyInstall(lock, installed)).toBeUndefined();
  });

  it('says what differs', () => {
    expect(whyInstall(lock, undefined)).toBe('they are not installed yet');
    const { 'node_modules/a': a, ...without } = installed.packages;
    expect(whyInstall(lock, { packages: without })).toBe('a is missing');
    const older = { ...a, version: '0.9.0' };
    expect(whyInstall(lock, { packages: { ...without, 'node_modules/a': older } })).toBe(
      'a is at 0.9.0 and not at 1.0.0',
    );
    const changed = {
      packages: { ...installed.packages, 'node_modules/@s/b': { version: '2.1.0' } },
    };
    expect(whyInstall(lock, changed)).toBe('@s/b is at 2.1.0 and not at 2.0.0');
  });
});
