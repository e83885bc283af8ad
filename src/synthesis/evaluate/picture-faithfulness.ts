import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { openCondition, type ConditionOptions, type Dataset } from '../../clips/index.js';
import {
  createConditionAgreement,
  type ConditionAgreement,
  type Faithfulness,
} from '../../metrics/index.js';
import { fromFrames, iterateFrames, type Frame } from '../../video/index.js';
import type { FaithfulnessContext, FaithfulnessJudge } from './faithfulness-judge.js';

type Derived = Extract<ConditionOptions, { kind: 'derived' }>;

/** Frames on their way through the condition's filtergraph, each with what it is compared with. */
interface ConditionPipe {
  /** Resolves when there is room for more. @throws what making conditions fails with */
  add(rgb: Uint8Array, wanted: Uint8Array): Promise<void>;
  /** Once the conditions of all frames are compared. @throws as add */
  end(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** @param agreement is told of each condition that was made, beside the one that was wanted */
async function openPipe(
  { data, dataset, trustFilters, signal }: FaithfulnessContext,
  agreement: ConditionAgreement,
): Promise<ConditionPipe> {
  const { width, height, fps } = dataset;
  const frames = new PassThrough({ objectMode: true, highWaterMark: 2 });
  // What it is left with is what making conditions failed with.
  frames.on('error', () => undefined);
  const stop = new AbortController();
  const made = await openCondition(
    { ...data, size: { width, height } },
    { frames: fromFrames(frames as AsyncIterable<Frame>) },
    {
      ...{ baseFolder: process.cwd(), fps, trustFilters },
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    },
  );
  // Filters may hold frames back: what they are compared with waits here, and nobody for them.
  const wanted: Uint8Array[] = [];
  const compared = (async () => {
    for await (const { data: bytes } of iterateFrames(made!.frames)) {
      agreement.add(bytes, wanted.shift()!);
    }
  })();
  compared.catch(() => undefined);
  let index = 0;
  return {
    async add(rgb, condition) {
      wanted.push(condition);
      // Callers may use their buffer again.
      const bytes = { data: rgb.slice(), pixelFormat: 'rgb24' } as const;
      const frame: Frame = {
        index,
        timeSeconds: index * (fps.den / fps.num),
        width,
        height,
        ...bytes,
      };
      index += 1;
      if (frames.write(frame)) return;
      const waiting = new AbortController();
      const drained = once(frames, 'drain', { signal: waiting.signal });
      drained.catch(() => undefined);
      // Nothing is taken any more where making conditions has failed.
      await Promise.race([drained, compared]).finally(() => waiting.abort());
    },
    async end() {
      frames.end();
      await compared;
    },
    async close() {
      stop.abort();
      frames.destroy();
      await compared.catch(() => undefined);
    },
  };
}

/** The presets by what is compared; of other filtergraphs what they make says it. */
const KINDS: Readonly<Record<string, 'edges' | 'picture'>> = {
  edges: 'edges',
  grey: 'picture',
  blur: 'picture',
  'low-resolution': 'picture',
};

const sizeOf = ({ width, height, layout }: Dataset) => ({
  ...{ width, height, channels: layout.bytesPerPixel },
});

/**
 * Makes the conditions of generated frames and of the real ones beside them by the filtergraph that training's were
 * made by, and compares both with those. Two runs of ffmpeg at a time, and the frames that they hold. What the
 * filtergraph is refused for, `begin` rejects with.
 */
export function openPictureFaithfulness(
  context: FaithfulnessContext,
  { preset = 'custom' }: Derived,
): FaithfulnessJudge {
  const sides = ['generated', 'real'] as const;
  const agreements = sides.map(() => createConditionAgreement(sizeOf(context.dataset)));
  // The presets look at one frame at a time; another filtergraph must not see the rollout before.
  const isOneForAll = preset in KINDS;
  let pipes: ConditionPipe[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(pipes.map((pipe) => pipe.end()));
    pipes = [];
  };
  const open = async (): Promise<void> => {
    for (const agreement of agreements) pipes.push(await openPipe(context, agreement));
  };
  return {
    async begin() {
      if (isOneForAll && pipes.length > 0) return;
      await end();
      await open();
    },
    async add(frame) {
      const { condition } = frame;
      if (!condition) return;
      await Promise.all(pipes.map((pipe, i) => pipe.add(frame[sides[i]!], condition)));
    },
    async result() {
      await end();
      const [made, real] = agreements as [ConditionAgreement, ConditionAgreement];
      return faithfulnessOf(KINDS[preset], made, real);
    },
    async close() {
      await Promise.all(pipes.map((pipe) => pipe.close()));
      pipes = [];
    },
  };
}

function faithfulnessOf(
  kind: 'edges' | 'picture' | undefined,
  made: ConditionAgreement,
  real: ConditionAgreement,
): Faithfulness | null {
  const { frames } = made;
  if (frames === 0) return null;
  return (kind ?? (real.isDrawing() ? 'edges' : 'picture')) === 'edges'
    ? { kind: 'edges', frames, f1: { made: made.f1(), real: real.f1() } }
    : { kind: 'picture', frames, psnr: { made: made.psnr(), real: real.psnr() } };
}
