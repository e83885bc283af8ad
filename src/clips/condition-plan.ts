import type { ActionOptions } from './action-options.js';
import { actionRules, type ActionRules } from './actions.js';
import type { ConditionOptions, DerivedOptions } from './condition-options.js';
import { IGNORED_ID } from './label-ids.js';
import { LabelReader } from './labels.js';
import { assertTrusted } from './trust.js';
import type { ConditionLayout } from './types.js';

/** Everything that a condition needs to be decoded and read. */
export interface ConditionPlan {
  readonly layout: ConditionLayout;
  /** From sized RGB frames to the condition; null for paired and none. */
  readonly filtergraph: string | null;
  /** The filtergraph is one of ours, and not one that somebody wrote. */
  readonly isPreset: boolean;
  readonly labels: LabelReader | null;
  /** Of what is told beside it; null where nothing is. */
  readonly actions: ActionRules | null;
}

/** Of a data section, what a generator is told. */
export interface ToldOptions {
  readonly condition: ConditionOptions;
  readonly actions?: ActionOptions | undefined;
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
    case 'picture':
      return 'null';
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
  return 'channels' in options ? options.channels : 3;
}

const NO_LAYOUT: ConditionLayout = {
  kind: 'none',
  content: 'none',
  channels: 0,
  bytesPerPixel: 0,
  classNames: [],
  followsColour: false,
};

const imageLayout = (kind: 'derived' | 'paired', channels: 1 | 3): ConditionLayout => ({
  ...NO_LAYOUT,
  ...{ kind, content: 'image', channels, bytesPerPixel: channels },
});

const labelLayout = (labels: LabelReader): ConditionLayout => ({
  ...NO_LAYOUT,
  ...{ kind: 'paired', content: 'labels', channels: labels.classes, bytesPerPixel: 1 },
  classNames: labels.classNames,
  ...(!labels.holdsIds && { classColours: labels.colours }),
  ...(labels.ignores && { ignoredId: IGNORED_ID }),
});

function derivedLayout(options: DerivedOptions): ConditionLayout {
  const { preset } = options;
  return {
    ...imageLayout('derived', derivedChannels(options)),
    // These show the frame's own colour, which has to stay the one that is asked for.
    followsColour: preset !== 'edges' && preset !== 'custom' && preset !== undefined,
  };
}

/**
 * What a condition is, without running anything of it; reads the palette where there is one.
 * @throws FrameloomError not-found, bad-data of the palette
 */
export async function conditionLayout(
  { condition, actions }: ToldOptions,
  baseFolder: string,
): Promise<ConditionLayout> {
  return withActions(await pictureLayout(condition, baseFolder), actionRules(actions));
}

const withActions = (layout: ConditionLayout, rules: ActionRules | null): ConditionLayout =>
  rules ? { ...layout, actions: rules.columns } : layout;

async function pictureLayout(
  options: ConditionOptions,
  baseFolder: string,
): Promise<ConditionLayout> {
  if (options.kind === 'none') return NO_LAYOUT;
  if (options.kind === 'derived') return derivedLayout(options);
  if (options.content === 'image') return imageLayout('paired', 3);
  return labelLayout(await LabelReader.create(options, baseFolder));
}

/** Where a condition is used. */
export interface PlanContext {
  readonly baseFolder: string;
  readonly width: number;
  readonly height: number;
  /** Run any filtergraph, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
}

/**
 * Settles what a condition is made of; reads the palette where there is one. Every filtergraph of a
 * pipeline comes through here before it is run.
 * @throws FrameloomError not-found, bad-data of the palette; untrusted, as `assertTrusted`
 */
export async function planCondition(
  { condition, actions }: ToldOptions,
  context: PlanContext,
): Promise<ConditionPlan> {
  const plan = await planPicture(condition, context);
  const rules = actionRules(actions);
  return { ...plan, layout: withActions(plan.layout, rules), actions: rules };
}

async function planPicture(
  options: ConditionOptions,
  context: PlanContext,
): Promise<Omit<ConditionPlan, 'actions'>> {
  const { baseFolder, trustFilters = false } = context;
  if (options.kind === 'derived') {
    assertTrusted(options, trustFilters);
    return {
      layout: derivedLayout(options),
      filtergraph: derivedFiltergraph(options, context),
      isPreset: !('filtergraph' in options),
      labels: null,
    };
  }
  if (options.kind === 'paired' && options.content === 'labels') {
    const labels = await LabelReader.create(options, baseFolder);
    return { layout: labelLayout(labels), filtergraph: null, isPreset: false, labels };
  }
  const layout = await pictureLayout(options, baseFolder);
  return { layout, filtergraph: null, isPreset: false, labels: null };
}
