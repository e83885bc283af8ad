/**
 * Why WebGPU cannot be taken here, in words; null where it can. An adapter that is software is none: it takes
 * seconds for what the processor takes milliseconds for.
 */
export async function whyNoWebGpu(): Promise<string | null> {
  // Browsers without it are what is asked about.
  const { gpu } = navigator as Partial<Navigator>;
  if (!gpu) {
    return isSecureContext
      ? 'this browser has no WebGPU'
      : 'browsers have WebGPU on https and on localhost alone';
  }
  // The one build of ONNX Runtime that comes along waits for the GPU by this.
  if (!('Suspending' in WebAssembly)) {
    return 'this browser has WebGPU, and no JSPI, which ONNX Runtime waits for it by';
  }
  const adapter = await gpu
    .requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (!adapter) return 'the browser finds no GPU that it can use';
  if (adapter.info.isFallbackAdapter) {
    return 'WebGPU is computed by the processor here, which is slower than without';
  }
  return null;
}
