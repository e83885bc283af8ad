import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { memoryFigures, useBackend } from '../../src/backend/index.js';
import { moduleAt, NODE_WORDS, root } from '../program.js';

describe('useBackend', () => {
  it('loads a backend once and reports it', async () => {
    const [first, second] = await Promise.all([useBackend(), useBackend({ prefer: 'auto' })]);
    expect(second).toBe(first);
    expect(first.reason).not.toBe('');
    const product = tf.tidy(() => tf.matMul([[1, 2]], [[3], [4]]).dataSync());
    expect([...product]).toEqual([11]);
  });

  it('describes native TensorFlow where that is set up', async () => {
    const report = await useBackend();
    expect(report.name.startsWith('tensorflow')).toBe(report.libtensorflow !== undefined);
    expect(report.libtensorflow ?? '2.0.0').toMatch(/^2\.\d+\.\d+/);
    expect(report.threads?.intraOp ?? 1).toBeGreaterThanOrEqual(1);
  });

  it('changes to another backend when it is asked for by name, and tensors stay usable', async () => {
    await useBackend();
    const kept = tf.tensor1d([1, 2, 3]);
    for (const prefer of ['wasm', 'cpu'] as const) {
      expect(await useBackend({ prefer })).toMatchObject({ name: prefer });
      expect(tf.getBackend()).toBe(prefer);
      expect(tf.tidy(() => tf.sum(kept).dataSync()[0])).toBe(6);
    }
    kept.dispose();
  });

  it('counts what tensors hold', () => {
    const before = memoryFigures();
    const tensor = tf.zeros([256, 256]);
    const during = memoryFigures();
    expect(during.tensorBytes - before.tensorBytes).toBe(256 * 256 * 4);
    expect(during.numTensors - before.numTensors).toBe(1);
    expect(during.residentBytes).toBeGreaterThan(2 ** 20);
    tensor.dispose();
    expect(memoryFigures().numTensors).toBe(before.numTensors);
  });

  it.each(['auto', 'wasm', 'cpu'])('keeps standard error clean with %s', async (prefer) => {
    const program = `
      import { useBackend } from '${moduleAt('backend/index')}';
      import * as tf from '@tensorflow/tfjs-core';
      const { name } = await useBackend({ prefer: '${prefer}' });
      console.log(name, tf.matMul(tf.ones([2, 3]), tf.ones([3, 1])).dataSync().join());`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [...NODE_WORDS, '--input-type=module', '--eval', program],
      { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } },
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\S+ 3,3\n$/);
  });
});
