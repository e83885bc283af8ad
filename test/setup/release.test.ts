import { describe, expect, it } from 'vitest';
import {
  chooseDevice,
  isPinned,
  libraryNames,
  PINNED_SHA256,
  releaseFor,
} from '../../scripts/setup/release.mjs';

describe('releaseFor', () => {
  it.each([
    ['linux', 'x64', 'cpu', 'tensorflow-cpu==2.21.0 manylinux_2_28_x86_64'],
    ['linux', 'x64', 'gpu', 'tensorflow==2.21.0 manylinux_2_28_x86_64'],
    ['linux', 'arm64', 'cpu', 'tensorflow==2.21.0 manylinux_2_28_aarch64'],
    ['darwin', 'arm64', 'cpu', 'tensorflow==2.21.0 macosx_12_0_arm64'],
    ['darwin', 'x64', 'cpu', 'tensorflow==2.16.2 macosx_10_15_x86_64'],
  ] as const)('gives %s on %s with a %s its wheel', (platform, arch, device, expected) => {
    const { project, version, platformTags } = releaseFor({ platform, arch, device });
    expect(`${project}==${version} ${platformTags[0]}`).toBe(expected);
  });

  it.each([
    [{ platform: 'win32', arch: 'x64', device: 'cpu' }, 'win32 on x64'],
    [{ platform: 'linux', arch: 'x64', device: 'cpu', musl: true }, 'linux (musl) on x64'],
    [{ platform: 'darwin', arch: 'arm64', device: 'gpu' }, 'darwin on arm64 with a GPU'],
    [{ platform: 'linux', arch: 'ia32', device: 'cpu' }, 'linux on ia32'],
  ] as const)('has none for %o', (machine, what) => {
    expect(() => releaseFor(machine)).toThrow(
      `no TensorFlow wheel with a C library is published for ${what}`,
    );
  });
});

describe('isPinned', () => {
  const pins = { 'a_b-1.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl': 'ab' };

  it('goes by project, version and platform', () => {
    const wheel = { requirement: 'a-b==1.2', platformTags: ['manylinux2014_x86_64', 'other'] };
    expect(isPinned(wheel, pins)).toBe(true);
    expect(isPinned({ ...wheel, platformTags: ['manylinux2014_aarch64'] }, pins)).toBe(false);
    for (const requirement of ['a-b==1.2.0', 'a-b==1', 'a==1.2', 'a-b>=1.2', 'a-b']) {
      expect(isPinned({ ...wheel, requirement }, pins)).toBe(false);
    }
  });

  it('knows the wheel of the usual machine, by a whole sha256', () => {
    const { project, version, platformTags } = releaseFor({
      ...{ platform: 'linux', arch: 'x64', device: 'cpu' },
    });
    expect(isPinned({ requirement: `${project}==${version}`, platformTags })).toBe(true);
    for (const sha256 of Object.values(PINNED_SHA256)) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('chooseDevice', () => {
  it('takes what was asked for, else what was seen', () => {
    expect(chooseDevice(undefined, true)).toBe('gpu');
    expect(chooseDevice('auto', false)).toBe('cpu');
    expect(chooseDevice('cpu', true)).toBe('cpu');
    expect(chooseDevice('gpu', false)).toBe('gpu');
    expect(() => chooseDevice('tpu', true)).toThrow('FRAMELOOM_DEVICE is "tpu"');
  });
});

describe('libraryNames', () => {
  it('links the names that the addon is linked by', () => {
    expect(libraryNames('linux').links).toContainEqual([
      'libtensorflow.so',
      'libtensorflow_cc.so.2',
    ]);
    expect(libraryNames('darwin').links).toContainEqual([
      'libtensorflow.2.dylib',
      'libtensorflow_cc.2.dylib',
    ]);
  });
});
