import { FrameloomError } from '../base/error.js';

/** How the last frame is moved by the flow: one op, or looks into a list of pixels. */
export type WarpBy = 'GridSample' | 'Gather';

export const EXPORT_TARGETS = ['onnxruntime', 'web', 'unity', 'opencv'] as const;
/** What is to run a file. */
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

export interface Target {
  /** What it has of the ops that are ever written. */
  readonly ops: ReadonlySet<string>;
  readonly warp: WarpBy;
  /** A transposed convolution may cut more off at one end than at the other. */
  readonly unevenPads: boolean;
  readonly opset: number;
  /** The version of ONNX's file format that came with that operator set. */
  readonly irVersion: number;
  /** It takes files of one size alone. */
  readonly fixed: boolean;
  /** It takes tensors without axes. */
  readonly scalars: boolean;
  /** A convolution adds a bias itself. */
  readonly ownBias: boolean;
  /** It convolves any number of channels rightly. */
  readonly unevenChannels: boolean;
  /** It computes in float16 where the file does. */
  readonly half: boolean;
}

const list = (...words: readonly string[]): ReadonlySet<string> =>
  new Set(words.join(' ').split(' '));

const LAYERS = list(
  'Abs Add AveragePool Cast Clip Concat Conv ConvTranspose DepthToSpace Floor Greater InstanceNormalization LeakyRelu',
  'Mul ReduceMax ReduceMean Relu Resize Sigmoid Slice Sub Tanh Transpose Where',
);
/** What asks for the size at run time. */
const SIZES = list('Div Gather Range Reshape Shape');
const together = (...sets: readonly ReadonlySet<string>[]): ReadonlySet<string> =>
  new Set(sets.flatMap((set) => [...set]));

/** What the newest runtimes take. */
const RECENT = {
  ...({ warp: 'GridSample', opset: 17, irVersion: 8, fixed: false, scalars: true } as const),
  ...{ unevenPads: true, ownBias: true, unevenChannels: true, half: true },
};

export const TARGETS: Readonly<Record<ExportTarget, Target>> = {
  // ONNX Runtime has every op of the standard on the processor: docs/OperatorKernels.md of it. Its
  // other devices are those of `web`, too.
  onnxruntime: {
    ...{ ...RECENT, unevenChannels: false },
    ops: together(LAYERS, SIZES, list('GridSample Pad')),
  },
  // What runs on WebGPU both in onnxruntime-web's default build (WEBGPU_OP_RESOLVE_RULES of
  // js/web/lib/wasm/jsep/webgpu/op-resolve-rules.ts; Reshape and Shape move no numbers and have no
  // rule) and in its native one (onnxruntime/core/providers/webgpu/webgpu_execution_provider.cc, of
  // 1.26 and later for GridSample). Neither has SpaceToDepth; the former has no Identity.
  web: {
    ...{ ...RECENT, unevenChannels: false },
    ops: together(LAYERS, SIZES, list('GridSample Pad')),
  },
  // Unity's Inference Engine, once Sentis: the table "Supported ONNX operators" of
  // com.unity.ai.inference 2.2 and later. GridSample came with operator set 16.
  unity: {
    ...{ ...RECENT, opset: 16, half: false },
    ops: together(LAYERS, SIZES, list('GridSample')),
  },
  // OpenCV's own importer: buildDispatchMap_ONNX_AI of modules/dnn/src/onnx/onnx_importer.cpp, which
  // has no GridSample before 5.0, and before that takes shapes only as numbers, no tensor without
  // axes, and no uneven pads (modules/dnn/src/layers/convolution_layer.cpp). A convolution with a bias
  // and a sum after it are fused wrongly: an assertion of net_impl_fuse.cpp fails (4.14).
  opencv: {
    ...{ ...RECENT, warp: 'Gather', opset: 13, irVersion: 7, fixed: true, scalars: false },
    ...{ unevenPads: false, ownBias: false, half: false },
    ops: together(LAYERS, list('Gather Reshape')),
  },
};

/**
 * Holds the ops of a file against what its target has.
 * @throws FrameloomError backend when it has one that the target has not
 */
export function assertRunsOn(name: ExportTarget, ops: readonly string[]): void {
  const missing = ops.filter((op) => !TARGETS[name].ops.has(op));
  if (missing.length === 0) return;
  throw new FrameloomError('backend', `${name} has no ${missing.join(', ')}`, {
    hint: 'this is a defect of Frameloom, please report it with the pipeline',
  });
}
