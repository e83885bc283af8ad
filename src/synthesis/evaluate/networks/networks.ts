import { asGiven } from '../../../base/caller.js';
import { silentLogger, type Logger } from '../../../base/log.js';
import type { Dataset } from '../../../clips/index.js';
import { openBorrowed, type Borrowed, type BorrowedContract } from '../../../export/borrowed.js';
import type { Faithfulness, Image } from '../../../metrics/index.js';
import type { EvaluationRow } from '../row-makers.js';
import { createFeatureJudge, featuresOf } from './features.js';
import { createLpipsJudge, distancesOf } from './lpips.js';
import type { JudgedRow, JudgedRows, RowsFrame, RowsJudge } from './rows.js';
import { createSegmentJudge, seesLabels, segmentsOf, type SegmentJudge } from './segments.js';

/** ONNX files of networks that look at frames, by what they are for. */
export interface NetworkFiles {
  /** A distance of two pictures: LPIPS and tLP. */
  readonly lpips?: string | undefined;
  /** Features of a picture: KID and FID. */
  readonly features?: string | undefined;
  /** Features of a window of frames: KVD and FVD. */
  readonly videoFeatures?: string | undefined;
  /** Classes of pixels: what is seen in generated frames and in real ones. */
  readonly segmenter?: string | undefined;
}

export type NetworkKind = keyof NetworkFiles;

/** Which file was looked through. */
export interface UsedNetwork {
  readonly file: string;
  readonly sha256: string;
}

export interface JudgeContext {
  /** Where the frames come from. */
  readonly dataset: Pick<Dataset, 'width' | 'height' | 'layout'>;
  /** Frames that will be judged. */
  readonly frames: number;
  /** Of the draws that intervals are made of. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

/** What networks found of one generator. */
export interface NetworksFound {
  readonly rows: JudgedRows;
  /** How well label maps are kept, where a segmenter knows the run's classes; else null. */
  readonly faithfulness: Faithfulness | null;
}

/** Looks at the frames of one evaluation through all networks. Holds nothing that has to be let go. */
export interface NetworksJudge {
  /** Whether it says how well label maps are kept, so that no segmenter has to be trained for that. */
  readonly seesLabels: boolean;
  /** Before the first frame of each rollout. */
  begin(): void;
  /** The next moment of a rollout. @throws FrameloomError bad-input where a network fails */
  add(frame: RowsFrame): Promise<void>;
  /** Of all frames, after which there are no more. @throws FrameloomError as add; cancelled */
  result(): Promise<NetworksFound>;
}

/** Networks from elsewhere, loaded; several evaluations may use them, one after the other. */
export interface Networks {
  readonly used: Readonly<Partial<Record<NetworkKind, UsedNetwork>>>;
  /** Begins to judge one generator. */
  judge(context: JudgeContext): NetworksJudge;
  /** Lets go of them. */
  release(): Promise<void>;
}

/** What is expected of each. */
const CONTRACTS: Readonly<Record<NetworkKind, () => BorrowedContract>> = {
  lpips: () => ({
    ...{ option: asGiven('--lpips', 'lpips'), inputs: 2, hasTime: false, resizes: false },
  }),
  features: () => ({
    ...{ option: asGiven('--features', 'features'), inputs: 1, hasTime: false, resizes: true },
  }),
  videoFeatures: () => ({
    ...{ option: asGiven('--video-features', 'videoFeatures'), inputs: 1, hasTime: true },
    resizes: true,
  }),
  segmenter: () => ({
    ...{ option: asGiven('--segmenter', 'segmenter'), inputs: 1, hasTime: false, resizes: true },
  }),
};
const KINDS = Object.keys(CONTRACTS) as NetworkKind[];

/** Shows each network something, so that what it cannot do is known before an hour is spent. */
async function tryOut(
  opened: ReadonlyMap<NetworkKind, Borrowed>,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<{ classes: number }> {
  const data = new Float32Array(3 * width * height).map((_, i) => Math.sin(i));
  const image: Image = { width, height, channels: 3, data };
  let classes = 0;
  for (const [kind, network] of opened) {
    const planes = network.planes(image);
    if (kind === 'lpips') await distancesOf(network, [{ a: planes, b: planes }]);
    else if (kind === 'segmenter') ({ classes } = await segmentsOf(network, [planes]));
    else await featuresOf(network, [Array.from({ length: network.frames }, () => planes)]);
  }
  return { classes };
}

/**
 * Loads networks that somebody names, and tries each of them out.
 * @param size of the frames that they will look at
 * @returns null where none is named
 * @throws FrameloomError not-found, bad-input, untrusted, backend, each naming the option and what the file has
 */
export async function openNetworks(
  files: NetworkFiles,
  size: { readonly width: number; readonly height: number },
): Promise<Networks | null> {
  const opened = new Map<NetworkKind, Borrowed>();
  const release = async (): Promise<void> => {
    for (const network of opened.values()) await network.release();
    opened.clear();
  };
  try {
    for (const kind of KINDS) {
      const path = files[kind];
      if (path !== undefined) opened.set(kind, await openBorrowed(path, CONTRACTS[kind](), size));
    }
    if (opened.size === 0) return null;
    const { classes } = await tryOut(opened, size);
    const told = new Set<string>();
    const used = Object.fromEntries(
      [...opened].map(([kind, { path, sha256 }]) => [kind, { file: path, sha256 }]),
    );
    const judge = (context: JudgeContext): NetworksJudge => {
      const { log = silentLogger } = context;
      // Of several runs that are compared the same would be said of each.
      const warn = (text: string): void => {
        if (!told.has(text)) log.warn(text);
        told.add(text);
      };
      return createJudge(opened, { ...context, classes, warn });
    };
    return { used, judge, release };
  } catch (error) {
    await release();
    throw error;
  }
}

function createJudge(
  opened: ReadonlyMap<NetworkKind, Borrowed>,
  context: JudgeContext & { readonly classes: number; readonly warn: (text: string) => void },
): NetworksJudge {
  const { dataset, frames, classes, seed, signal, warn } = context;
  const { width, height, layout } = dataset;
  const judges: RowsJudge[] = [];
  const lpips = opened.get('lpips');
  if (lpips) judges.push(createLpipsJudge(lpips, seed));
  for (const [kind, of] of [
    ['features', 'picture'],
    ['videoFeatures', 'window'],
  ] as const) {
    const network = opened.get(kind);
    if (network) judges.push(createFeatureJudge(network, of, { frames, signal, warn }));
  }
  const segmenter = opened.get('segmenter');
  let segments: SegmentJudge | undefined;
  if (segmenter) {
    segments = createSegmentJudge(segmenter, { frames, classes, layout, width, height });
    judges.push(segments);
  }
  return {
    seesLabels: segments !== undefined && seesLabels({ classes, layout }),
    begin() {
      for (const judge of judges) judge.begin();
    },
    async add(frame) {
      for (const judge of judges) await judge.add(frame);
    },
    async result() {
      const rows = new Map<EvaluationRow, JudgedRow>();
      for (const judge of judges) {
        for (const [row, { measures, intervals, ...more }] of await judge.result()) {
          const own = rows.get(row);
          rows.set(row, {
            ...own,
            ...more,
            measures: { ...own?.measures, ...measures },
            intervals: { ...own?.intervals, ...intervals },
          });
        }
      }
      return { rows, faithfulness: segments?.labels() ?? null };
    },
  };
}
