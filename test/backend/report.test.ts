import { describe, expect, it, vi } from 'vitest';
import { parseCards } from '../../src/backend/gpu.js';
import { withoutDeprecations } from '../../src/backend/quiet.js';
import { machineMemory, oneDnnReport, threadReport } from '../../src/backend/report.js';

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
    expect(parseCards('NVIDIA H100 80GB HBM3, 81559\nNVIDIA T4, [N/A]\n')).toEqual([
      { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 2 ** 20 },
      { name: 'NVIDIA T4' },
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
