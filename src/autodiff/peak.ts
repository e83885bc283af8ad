import * as tf from '@tensorflow/tfjs-core';

/** The spans of a training step that can be its peak, in their order. */
export const PHASES = ['forward', 'judge', 'back', 'train', 'update'] as const;
export type Phase = (typeof PHASES)[number];

/** A result, with the most memory that tensors took on the way to it. */
export interface Peak<T> {
  readonly result: T;
  /** Bytes beyond what was alive before. */
  readonly peakBytes: number;
  /** The same within each phase that `inPhase` named, and in `''`, everything outside of them. */
  readonly phases: Readonly<Record<string, PhasePeak>>;
}

export interface PhasePeak {
  readonly peakBytes: number;
  /** Bytes as the phase begins and after each allocation: the same events whatever the tensors' sizes. */
  readonly timeline: readonly number[];
  /** Bytes that it left behind when it last ended: those at its end less those at its beginning. */
  readonly leftBytes: number;
  readonly seconds: number;
}

/** Bytes and their peaks, as one meter among others that may run at the same time. */
interface Meter {
  bytes: number;
  phase: string;
  /** When and with how many bytes the phase began. */
  clockMs: number;
  startBytes: number;
  readonly phases: Record<
    string,
    { peakBytes: number; timeline: number[]; leftBytes: number; seconds: number }
  >;
}

/** What TensorFlow.js is told of each tensor, as far as it matters here. */
interface Engine {
  readonly state: {
    readonly tensorInfo: WeakMap<object, { bytes: number; backend: unknown }>;
  };
  trackTensor: (tensor: tf.Tensor, backend: unknown) => void;
  removeDataId: (dataId: object, backend: unknown) => void;
}

const meters = new Set<Meter>();

const current = (meter: Meter) =>
  (meter.phases[meter.phase] ??= { peakBytes: 0, timeline: [], leftBytes: 0, seconds: 0 });

function note({ bytes }: Meter, phase: ReturnType<typeof current>): void {
  phase.peakBytes = Math.max(phase.peakBytes, bytes);
  phase.timeline.push(bytes);
}

function add(bytes: number): void {
  for (const meter of meters) {
    meter.bytes += bytes;
    if (bytes > 0) note(meter, current(meter));
  }
}

/** Ends a meter's phase and begins another. @returns the one before */
function turn(meter: Meter, phase: string): string {
  const [before, nowMs] = [meter.phase, performance.now()];
  const ended = current(meter);
  ended.seconds += (nowMs - meter.clockMs) / 1000;
  ended.leftBytes = meter.bytes - meter.startBytes;
  meter.clockMs = nowMs;
  meter.startBytes = meter.bytes;
  meter.phase = phase;
  note(meter, current(meter));
  return before;
}

/** Names what `run` does, for whoever meters it with `trackPeak`; else does nothing besides. */
export function inPhase<T>(phase: string, run: () => T): T {
  if (meters.size === 0) return run();
  const before = [...meters].map((meter) => ({ meter, phase: turn(meter, phase) }));
  try {
    return run();
  } finally {
    for (const old of before) turn(old.meter, old.phase);
  }
}

/** Puts itself between TensorFlow.js and its books until the function it returns is called. */
function listen(): () => void {
  const engine = tf.engine() as unknown as Engine;
  const { tensorInfo } = engine.state;
  const { trackTensor, removeDataId } = engine;
  engine.trackTensor = (tensor, backend) => {
    const known = tensorInfo.has(tensor.dataId);
    trackTensor.call(engine, tensor, backend);
    if (!known) add(tensorInfo.get(tensor.dataId)?.bytes ?? 0);
  };
  engine.removeDataId = (dataId, backend) => {
    const info = tensorInfo.get(dataId);
    removeDataId.call(engine, dataId, backend);
    if (info?.backend === backend) add(-(info?.bytes ?? 0));
  };
  return () => {
    engine.trackTensor = trackTensor;
    engine.removeDataId = removeDataId;
  };
}

/**
 * Runs `run` and meters the bytes of its tensors' data. Two tensors that share their data, such as a
 * tensor and its clone, count once; `tf.memory` and `tf.profile` count them twice, which for a
 * training step says 1.4 times what the process takes. May be nested.
 *
 * What runs inside one recorded graph is not seen, but for its results.
 */
export function trackPeak<T>(run: () => T): Peak<T> {
  const stop = meters.size === 0 ? listen() : undefined;
  const meter: Meter = {
    ...{ bytes: 0, phase: '', phases: {} },
    ...{ clockMs: performance.now(), startBytes: 0 },
  };
  meters.add(meter);
  try {
    const result = run();
    turn(meter, '');
    const peaks = Object.values(meter.phases).map(({ peakBytes }) => peakBytes);
    return { result, peakBytes: Math.max(...peaks), phases: meter.phases };
  } finally {
    meters.delete(meter);
    stop?.();
  }
}
