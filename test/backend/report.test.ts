import { describe, expect, it, vi } from 'vitest';
import { parseCards } from '../../src/backend/gpu.js';
import { machineMemory, tensorMemory } from '../../src/backend/memory.js';
import { withoutDeprecations } from '../../src/backend/quiet.js';
import { oneDnnReport, threadReport } from '../../src/backend/report.js';

describe('threadReport', () => {
  it('takes one thread a core unless the environment says otherwise', () => {
    expect(threadReport({}, 6)).toEqual({ intraOp: 6, interOp: 6 });
    expect(threadReport({ TF_NUM_INTRAOP_THREADS: '3' }, 6)).toEqual({ intraOp: 3, interOp: 6 });
    expect(threadReport({ TF_NUM_INTEROP_THREADS: '1' }, 6)).toEqual({ intraOp: 6, interOp: 1 });
    expect(threadReport({ TF_NUM_INTRAOP_THREADS: '0' }, 6).intraOp).toBe(6);
    expect(threadReport({ TF_NUM_INTRAOP_THREADS: 'many' }, 6).intraOp).toBe(6);
  });
});

describe('oneDnnReport', () => {
  it('reads TF_ENABLE_ONEDNN_OPTS', () => {
    expect(oneDnnReport({})).toBe('as TensorFlow chooses');
    expect(oneDnnReport({ TF_ENABLE_ONEDNN_OPTS: '0' })).toBe('off');
    expect(oneDnnReport({ TF_ENABLE_ONEDNN_OPTS: '1' })).toBe('on');
  });
});

describe('parseCards', () => {
  it("reads the driver's list", () => {
    const MIB = 2 ** 20;
    const list = 'NVIDIA H100 80GB HBM3, 81559, 81000\nNVIDIA T4, [N/A], [N/A]\nA, B, 8, [N/A]\n';
    expect(parseCards(list)).toEqual([
      { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * MIB, freeBytes: 81000 * MIB },
      { name: 'NVIDIA T4' },
      { name: 'A, B', memoryBytes: 8 * MIB },
    ]);
    expect(parseCards('')).toEqual([]);
    expect(parseCards('NVIDIA-SMI has failed because it could not talk to the driver.\n')).toEqual(
      [],
    );
  });
});

describe('machineMemory', () => {
  it('gives bytes', () => {
    const { totalBytes, freeBytes } = machineMemory();
    expect(totalBytes).toBeGreaterThan(2 ** 27);
    expect(freeBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeLessThanOrEqual(totalBytes);
  });

  it('is what a container may take, less what this process takes of it', () => {
    const whole = machineMemory(0);
    // Limits that are none: of the kernel, of Node.
    expect(machineMemory(2 ** 63).totalBytes).toBe(whole.totalBytes);
    expect(machineMemory(Number.NaN).totalBytes).toBe(whole.totalBytes);
    const limit = 2 ** 30;
    const held = machineMemory(limit);
    expect(held.totalBytes).toBe(limit);
    expect(held.freeBytes).toBeLessThan(limit);
    expect(machineMemory(2 ** 20)).toEqual({ totalBytes: 2 ** 20, freeBytes: 0 });
  });
});

describe('tensorMemory', () => {
  it('is the card’s on a card, whatever the machine has, and the least of several', () => {
    const [large, small] = [
      { name: 'large', memoryBytes: 2 ** 36, freeBytes: 2 ** 35 },
      { name: 'small', memoryBytes: 2 ** 33, freeBytes: 2 ** 32 },
    ];
    const known = { where: 'card', isKnown: true };
    const nvidia = { vendor: 'nvidia' };
    expect(tensorMemory(nvidia, [large])).toEqual({
      totalBytes: 2 ** 36,
      freeBytes: 2 ** 35,
      ...known,
    });
    expect(tensorMemory(nvidia, [large, small])).toEqual({
      totalBytes: 2 ** 33,
      freeBytes: 2 ** 32,
      ...known,
    });
    for (const cards of [[], [{ name: 'unknown' }], [small, { name: 'unknown' }]]) {
      expect(tensorMemory(nvidia, cards)).toMatchObject({ totalBytes: 2 ** 32, isKnown: false });
    }
    // Whose memory a card of another maker has is told by nobody.
    expect(tensorMemory({ vendor: 'amd' }, [large])).toMatchObject({ isKnown: false });
    for (const none of [undefined, { vendor: 'google', isSoftware: true }]) {
      const machine = { totalBytes: machineMemory().totalBytes, where: 'machine' };
      expect(tensorMemory(none, [small])).toMatchObject(machine);
    }
  });
});

describe('withoutDeprecations', () => {
  it('drops deprecations, passes other warnings, and puts the process back', () => {
    const passed: unknown[] = [];
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      passed.push(warning);
    });
    try {
      withoutDeprecations(() => {
        process.emitWarning('old', 'DeprecationWarning', 'DEP0040');
        process.emitWarning('old', { type: 'DeprecationWarning' });
        process.emitWarning('careful', 'ExperimentalWarning');
      });
      expect(() =>
        withoutDeprecations(() => {
          throw new Error('no');
        }),
      ).toThrow('no');
      process.emitWarning('old again', 'DeprecationWarning');
    } finally {
      emit.mockRestore();
    }
    expect(passed).toEqual(['careful', 'old again']);
  });
});
