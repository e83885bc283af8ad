import * as tf from '@tensorflow/tfjs-core';

/**
 * A kernel that the WebAssembly backend lacks, run by the plain JavaScript backend on copies of its
 * inputs. Slower than one of its own, and right: for kernels that training calls rarely.
 *
 * @throws Error when the JavaScript backend has no such kernel either (a defect)
 */
export function borrowedKernel(kernelName: string, backendName: string): tf.KernelConfig {
  const lender = tf.getKernel(kernelName, 'cpu');
  return {
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const own = tf.findBackend(backendName);
      const cpu = tf.findBackend('cpu');
      // Some kernels take a list; its copy has to be one too.
      const copies: tf.NamedTensorInfoMap = Array.isArray(inputs)
        ? ([] as unknown as tf.NamedTensorInfoMap)
        : {};
      for (const [name, tensor] of Object.entries(inputs)) {
        if (tensor === undefined) continue;
        copies[name] = copy(tensor, own, cpu);
      }
      const results = lender.kernelFunc({
        inputs: copies,
        backend: cpu,
        ...(attrs === undefined ? {} : { attrs }),
      });
      const back = [results].flat().map((result) => {
        const mine = copy(result, cpu, own);
        cpu.disposeData(result.dataId);
        return mine;
      });
      for (const info of Object.values(copies)) {
        if (info !== undefined) cpu.disposeData(info.dataId);
      }
      return Array.isArray(results) ? back : back[0]!;
    },
  };
}

function copy(info: tf.TensorInfo, from: tf.KernelBackend, to: tf.KernelBackend): tf.TensorInfo {
  const { shape, dtype } = info;
  const values = from.readSync(info.dataId);
  return { dataId: to.write(values, shape, dtype), shape, dtype };
}
