import { execFile, execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bytesToPlanes, labelsToPlanes } from '../../src/export/planes.js';
import { TARGETS } from '../../src/export/targets.js';
import { toRgba } from '../../src/entries/play.js';
import { root } from '../program.js';
import { scratchPath } from '../video/make-clip.js';

const run = promisify(execFile);

/** "Supported ONNX operators" of com.unity.ai.inference 2.4.0, Documentation~/supported-operators.md. */
const INFERENCE_ENGINE = new Set(
  [
    'Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization',
    'Bernoulli BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu',
    'Clip Compress Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace',
    'DFT Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND',
    'Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample HammingWindow HannWindow',
    'Hardmax HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LayerNormalization',
    'LeakyRelu Less LessOrEqual Log LogSoftmax LRN LSTM MatMul Max MaxPool Mean MelWeightMatrix Min',
    'Mod Mish Mul Multinomial Neg NonMaxSuppression NonZero Not OneHot Or Pad Pow PRelu RandomNormal',
    'RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum',
    'ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape',
    'Resize RoiAlign Round Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh',
    'Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze STFT Sub Sum Tan Tanh',
    'ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor',
  ]
    .join(' ')
    .split(' '),
);

it('every operator that is written for Unity is in Inference Engine’s table', () => {
  expect([...TARGETS.unity.ops].filter((name) => !INFERENCE_ENGINE.has(name))).toEqual([]);
  expect(TARGETS.unity.ops.size).toBeGreaterThan(20);
});

/** Mono's compiler, where it is installed: Debian's package mono-mcs. */
function hasCompiler(): boolean {
  try {
    execFileSync('mcs', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const sample = (folder: string): string[] =>
  readdirSync(join(root, 'samples', 'unity', folder))
    .filter((name) => name.endsWith('.cs'))
    .map((name) => join(root, 'samples', 'unity', folder, name));
const support = (name: string): string => join(import.meta.dirname, 'unity', name);

describe.skipIf(!hasCompiler())('the Unity sample', () => {
  it('compiles against declarations of Unity, Inference Engine and ONNX Runtime', async () => {
    for (const folder of ['InferenceEngine', 'OnnxRuntime']) {
      const files = [support('declarations.cs'), ...sample('Frameloom'), ...sample(folder)];
      expect(files).toHaveLength(4);
      const out = `-out:${scratchPath(`${folder}.dll`)}`;
      const { stdout, stderr } = await run('mcs', ['-warn:4', '-target:library', out, ...files]);
      // A field that only Unity's inspector sets is one that nothing sets.
      const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
      expect(said.filter((line) => !/warning CS0649|Compilation succeeded/.test(line))).toEqual([]);
    }
  });

  it('turns bytes into what a generator takes, and frames into textures, as Frameloom does', async () => {
    const [width, height] = [3, 2];
    const bytes = Uint8Array.from(
      { length: 3 * width * height },
      (_, i) => (i * 37 + (i % 3)) % 256,
    );
    bytes.set([0, 1, 2, 3]);
    const program = scratchPath('planes.exe');
    const files = [support('planes.cs'), join(root, 'samples/unity/Frameloom/Planes.cs')];
    await run('mcs', [`-out:${program}`, ...files]);
    const given = Buffer.from(bytes).toString('base64');
    const { stdout } = await run('mono', [program, given, String(width), String(height)]);
    const [image, labels, texture, error, noise] = stdout.split('\n');
    const floats = (text: string): Float32Array =>
      new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
    const planes = new Float32Array(bytes.length);
    bytesToPlanes(bytes, 3, planes);
    floats(image!).forEach((value, i) => expect(value).toBeCloseTo(planes[i]!, 6));
    const oneHot = new Float32Array(3 * bytes.length);
    labelsToPlanes(bytes, 3, oneHot);
    expect([...floats(labels!)]).toEqual([7, 7, ...oneHot]);
    // The same bytes again, the lower row first.
    const rgba = toRgba(bytes);
    const flipped = Uint8Array.from([...rgba.subarray(4 * width), ...rgba.subarray(0, 4 * width)]);
    expect(Uint8Array.from(Buffer.from(texture!, 'base64'))).toEqual(flipped);
    expect(error).toBe('a generated frame holds NaN');
    const [mean, power] = noise!.split(' ').map(Number);
    expect(mean).toBeCloseTo(0, 1);
    expect(power).toBeCloseTo(1, 1);
  });
});
