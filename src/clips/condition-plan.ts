import type { ConditionOptions, DerivedOptions } from './condition-options.js';
import { LabelReader } from './labels.js';
import type { ConditionLayout } from './types.js';

/** Everything that a condition needs to be decoded and read. */
export interface ConditionPlan {
  readonly layout: ConditionLayout;
  /** From sized RGB frames to the condition; null for paired and none. */
  readonly filtergraph: string | null;
  readonly labels: LabelReader | null;
}

/**
 * The ffmpeg filtergraph of a derived condition. It is given the frames as they are trained on:
 * scaled to the pipeline's size, RGB.
 */
export function derivedFiltergraph(
  options: DerivedOptions,
  size: { width: number; height: number },
): string {
  const { width, height } = size;
  switch (options.preset) {
    case 'edges':
      // Canny on luma; through grey, so that the edges are white in every version of ffmpeg.
      return `format=gray,edgedetect=low=${options.low}:high=${options.high},format=gray`;
    case 'grey':
      return 'format=gray';
    case 'blur':
      return `gblur=sigma=${options.sigmaPixels}`;
    case 'low-resolution': {
      const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side / options.factor)));
      return `scale=${w}:${h}:flags=area,scale=${width}:${height}:flags=bicubic`;
    }
    default:
      return options.filtergraph;
  }
}

function derivedChannels(options: DerivedOptions): 1 | 3 {
  if (options.preset === 'edges' || options.preset === 'grey') return 1;
  return options.preset === 'blur' || options.preset === 'low-resolution' ? 3 : options.channels;
}

/**
 * Settles what a condition is made of; reads the palette where there is one.
 * @throws FrameloomError not-found, bad-data of the palette
 */
export async function planCondition(
  options: ConditionOptions,
  context: { baseFolder: string; width: number; height: number },
): Promise<ConditionPlan> {
  const nothing = {
    filtergraph: null,
    labels: null,
  };
  if (options.kind === 'none') {
    const layout: ConditionLayout = {
      kind: 'none',
      content: 'none',
      channels: 0,
      bytesPerPixel: 0,
      classNames: [],
      followsColour: false,
    };
    return { ...nothing, layout };
  }
  if (options.kind === 'derived') {
    const channels = derivedChannels(options);
    const { preset } = options;
    return {
      ...nothing,
      filtergraph: derivedFiltergraph(options, context),
      layout: {
        kind: 'derived',
        content: 'image',
        channels,
        bytesPerPixel: channels,
        classNames: [],
        // These show the frame's own colour, which has to stay the one that is asked for.
        followsColour: preset === 'grey' || preset === 'blur' || preset === 'low-resolution',
      },
    };
  }
  if (options.content === 'image') {
    return {
      ...nothing,
      layout: {
        kind: 'paired',
        content: 'image',
        channels: 3,
        bytesPerPixel: 3,
        classNames: [],
        followsColour: false,
      },
    };
  }
  const labels = await LabelReader.create(options, context.baseFolder);
  return {
    ...nothing,
    labels,
    layout: {
      kind: 'paired',
      content: 'labels',
      channels: labels.classes,
      bytesPerPixel: 1,
      classNames: labels.classNames,
      followsColour: false,
    },
  };
}
