// What Frameloom relies on that TensorFlow.js does not promise, each by name: another version of it has
// to pass here before it is taken, and fails here rather than in a gradient.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { recordTape, type TapeNode } from '../../src/autodiff/tape.js';
import { useBackend } from '../../src/backend/index.js';
import { nativeBackend, type NativeBinding } from '../../src/backend/native.js';
import { expectClose, expectNoLeak } from '../tensors.js';

const require = createRequire(import.meta.url);

/** The engine behind TF.js's types. */
interface Engine {
  readonly state: {
    activeTape: TapeNode[] | null;
    readonly gradientDepth: number;
    readonly numTensors: number;
    readonly tensorInfo: WeakMap<object, { readonly bytes: number; readonly backend: unknown }>;
  };
  startTape(): void;
  endTape(): void;
  trackTensor: (this: unknown, tensor: tf.Tensor, backend: unknown) => void;
  removeDataId: (this: unknown, dataId: object, backend: unknown) => void;
}

const engine = (): Engine => tf.engine() as unknown as Engine;

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
});

it('is one exact version, which the npm package asks for too', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of ['core', 'backend-cpu', 'backend-wasm']) {
    const asked = dependencies[`@tensorflow/tfjs-${name}`];
    const { version } = require(`@tensorflow/tfjs-${name}/package.json`) as { version: string };
    expect({ name, asked }).toEqual({ name, asked: version });
    expect(version).toBe(tf.version_core);
  }
});

describe('the tape', () => {
  it('is state.activeTape between startTape and endTape, and takes any list that is put there', () => {
    const own: TapeNode[] = [];
    expect(engine().state).toMatchObject({ gradientDepth: 0 });
    engine().startTape();
    expect(engine().state).toMatchObject({ activeTape: [], gradientDepth: 1 });
    engine().state.activeTape = own;
    const x = tf.tensor1d([2, 3]);
    const y = tf.tidy(() => tf.square(x));
    engine().endTape();
    engine().state.activeTape = null;
    expect(engine().state.gradientDepth).toBe(0);
    // The handle that is saved is a clone, and on the tape as one.
    expect(own).toHaveLength(2);
    const { kernelName, inputs, outputs, saved } = own[1]!;
    expect(kernelName).toBe(tf.Square);
    expect(inputs.x!.id).toBe(x.id);
    expect(outputs.map(({ id }) => id)).toEqual([y.id]);
    tf.dispose([x, y, saved!]);
  });

  it('saves handles of its own, and its gradients read the very list that they are in', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = tf.tensor1d([2, 3]);
        const { tape } = recordTape(() => tf.square(x));
        const { saved, gradient } = tape.find(({ kernelName }) => kernelName === tf.Square)!;
        expect(saved![0]!.id).not.toBe(x.id);
        expect(saved![0]!.dataId).toBe(x.dataId);
        saved![0]!.dispose();
        saved![0] = tf.tensor1d([10, 20]);
        expectClose(gradient!([tf.tensor1d([1, 1])]).x!(), { shape: [2], values: [20, 40] });
      }),
    );
  });

  // The tape keeps the shapes alone of what these save; a gradient that read more would throw.
  const a = (): tf.Tensor2D => tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const one = (): tf.Tensor1D => tf.tensor1d([5, 6]);
  it.each<[string, () => tf.Tensor, number[]]>([
    [tf.Add, () => tf.add(a(), one()), [2, 2]],
    [tf.AddN, () => tf.addN([a(), a()]), [2, 2]],
    [tf.Sub, () => tf.sub(a(), one()), [2, 2]],
    [tf.Sum, () => tf.sum(a(), 0), [2, 2]],
    [tf.Mean, () => tf.mean(a(), 1), [2, 2]],
    [tf.Concat, () => tf.concat([a(), a()]), [2, 2]],
    [tf.ExpandDims, () => tf.expandDims(a(), 1), [2, 2]],
    [tf.Pack, () => tf.stack([a(), a()]), [2, 2]],
    [
      tf.PadV2,
      () =>
        tf.pad(a(), [
          [1, 0],
          [0, 1],
        ]),
      [2, 2],
    ],
    [tf.Reshape, () => tf.reshape(a(), [4]), [2, 2]],
    [tf.Slice, () => tf.slice(a(), [0, 1], [2, 1]), [2, 2]],
  ])('has a gradient of %s that reads no numbers', (kernel, run, shape) => {
    tf.tidy(() => {
      const { value, tape } = recordTape(run);
      const node = tape.find(({ kernelName }) => kernelName === kernel)!;
      const gradients = Object.values(node.gradient!([tf.onesLike(value)])).map((make) => make());
      expect(gradients[0]!.shape).toEqual(shape);
      expect(tf.sum(gradients[0]!).dataSync()[0]).toBeGreaterThan(0);
    });
  });
});

describe('the books of the engine', () => {
  it('are written by trackTensor and removeDataId, of which the engine’s own can stand in', () => {
    const own = engine();
    const { trackTensor, removeDataId } = own;
    const events: string[] = [];
    own.trackTensor = (tensor, backend) => {
      trackTensor.call(own, tensor, backend);
      events.push(`+${own.state.tensorInfo.get(tensor.dataId)!.bytes}`);
    };
    own.removeDataId = (dataId, backend) => {
      expect(own.state.tensorInfo.get(dataId)!.backend).toBe(backend);
      events.push('-');
      removeDataId.call(own, dataId, backend);
    };
    try {
      const x = tf.tensor1d([1, 2, 3]);
      const y = tf.clone(x);
      expect(y.dataId).toBe(x.dataId);
      x.dispose();
      events.push('one left');
      y.dispose();
    } finally {
      Object.assign(own, { trackTensor, removeDataId });
    }
    expect(events).toEqual(['+12', '+12', 'one left', '-']);
  });

  it('count references by the backend’s incRef', () => {
    const backend = tf.backend();
    const x = tf.tensor1d([1]);
    expect(backend.refCount(x.dataId)).toBe(1);
    backend.incRef(x.dataId);
    expect(backend.refCount(x.dataId)).toBe(2);
    expect(backend.disposeData(x.dataId)).toBe(false);
    x.dispose();
  });
});

describe('the native backend', () => {
  it('asks its binding for all that it does, and for the binding anew each time', () => {
    const backend = nativeBackend()!;
    const real = backend.binding;
    const asked: string[] = [];
    const noting = (name: 'executeOp' | 'createTensor' | 'tensorDataSync') => ({
      value: (...args: unknown[]): unknown => {
        asked.push(name === 'executeOp' ? String(args[0]) : name);
        return (real[name] as (...own: unknown[]) => unknown)(...args);
      },
    });
    backend.binding = Object.create(real, {
      executeOp: noting('executeOp'),
      createTensor: noting('createTensor'),
      tensorDataSync: noting('tensorDataSync'),
    }) as NativeBinding;
    try {
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2]);
        // Numbers become a handle when an op first reads them.
        expect(asked).toEqual([]);
        tf.neg(x).dataSync();
        tf.neg(x);
      });
    } finally {
      backend.binding = real;
    }
    expect(asked).toEqual(['createTensor', 'Neg', 'tensorDataSync', 'Neg']);
  });

  it('gives ids of inputs, takes ids as tensors, and runs any op by name', () => {
    tf.tidy(() => {
      const backend = nativeBackend()!;
      const { binding } = backend;
      const [id] = backend.getInputTensorIds([tf.tensor1d([1, 4])]) as [number];
      const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
      const [made] = binding.executeOp('Sqrt', [type], [id], 1);
      expect(made).toMatchObject({ shape: [2], dtype: binding.TF_FLOAT });
      const root = backend.createOutputTensor(made!);
      expectClose(root, { shape: [2], values: [1, 2] });
      const parts = backend.executeMultipleOutputs(
        'TopKV2',
        [type],
        [root, tf.scalar(1, 'int32')],
        2,
      );
      expect(parts.map(({ dtype }) => dtype)).toEqual(['float32', 'int32']);
    });
  });
});

describe('kernels', () => {
  const seen = (name: string, backendName: string, run: () => unknown): tf.NamedAttrMap => {
    const original = tf.getKernel(name, backendName);
    let attributes: tf.NamedAttrMap = {};
    tf.unregisterKernel(name, backendName);
    tf.registerKernel({
      ...original,
      kernelFunc: (call) => {
        attributes = { ...call.attrs, inputs: Object.keys(call.inputs).join() };
        return original.kernelFunc(call);
      },
    });
    tf.tidy(() => void run());
    tf.unregisterKernel(name, backendName);
    tf.registerKernel(original);
    return attributes;
  };

  it('can be registered anew, and are given what they take by these names', async () => {
    const x = (): tf.Tensor4D => tf.ones([1, 4, 4, 1]);
    const native = (name: string, run: () => unknown) => seen(name, 'tensorflow', run);
    expect(native(tf.Reshape, () => tf.reshape(x(), [16]))).toEqual({ shape: [16], inputs: 'x' });
    expect(native(tf.Cast, () => tf.cast(x(), 'int32'))).toMatchObject({
      dtype: 'int32',
      inputs: 'x',
    });
    for (const prefer of ['cpu', 'wasm'] as const) {
      await useBackend({ prefer });
      const pool = tf.grad((y) => tf.avgPool(y as tf.Tensor4D, 3, 2, 'same'));
      const pooled = { filterSize: 3, strides: 2, pad: 'same', inputs: 'dy,input' };
      expect(seen(tf.AvgPoolGrad, prefer, () => pool(x()))).toEqual(pooled);
    }
    const hot = () => tf.oneHot(tf.tensor1d([1], 'int32'), 3);
    const given = { depth: 3, onValue: 1, offValue: 0, dtype: 'int32', inputs: 'indices' };
    expect(seen(tf.OneHot, 'wasm', hot)).toEqual(given);
    await useBackend({ prefer: 'tensorflow' });
  });

  it('have gradients that are registered apart, none of pooling’s own gradient among them', () => {
    expect(tf.getGradient(tf.Conv2D)).toBeDefined();
    expect(tf.getGradient(tf.AvgPoolGrad)).toBeUndefined();
  });
});
