import type { ActionOptions } from '../clips/action-options.js';
import { toldActions } from '../clips/actions-csv.js';
import type { ConditionOptions } from '../clips/condition-options.js';
import { ignoredOf, type Palette } from '../clips/condition-options.js';
import { classColoursOf, conditionToRgb } from '../clips/class-colours.js';
import { IGNORED_ID } from '../clips/label-ids.js';
import type { Colour, ConditionLayout } from '../clips/types.js';
import { stringify } from 'yaml';

/** What a recording is made of. */
export interface RecordedModel {
  readonly layout: ConditionLayout;
  /** As the pipeline of the model says it; the palette itself, where there is one. */
  readonly condition: ConditionOptions;
  /** What it is told beside, as the pipeline says it. */
  readonly actions?: ActionOptions | undefined;
  /** Sections of that pipeline that another training needs too: `generator`, `losses` and others. */
  readonly sections: Readonly<Record<string, unknown>>;
}

/** How the conditions of a recording are written, so that a pipeline reads the same of them. */
export interface RecordedCondition {
  readonly pixelFormat: 'gray' | 'rgb24';
  /** A condition as the video holds it. */
  readonly picture: (bytes: Uint8Array) => Uint8Array;
  /** The rule by which a pipeline reads it. @param path of the video */
  readonly options: (path: string) => Readonly<Record<string, unknown>>;
}

const paletteOf = (condition: ConditionOptions): Palette | undefined =>
  condition.kind === 'paired' &&
  condition.content === 'labels' &&
  typeof condition.palette === 'object'
    ? condition.palette
    : undefined;

/** The colour that a palette ignores; undefined where it ignores none. */
function ignoredColour(condition: ConditionOptions): Colour | undefined {
  if (condition.kind !== 'paired' || condition.content !== 'labels') return undefined;
  const [first] = ignoredOf(condition.ignore, true);
  return Array.isArray(first) ? (first as unknown as Colour) : undefined;
}

/** Labels in the palette's own colours, and ids where there is none: both without loss. */
function recordedLabels({ layout, condition }: RecordedModel): RecordedCondition {
  const palette = paletteOf(condition);
  const ignores = layout.ignoredId !== undefined;
  if (palette === undefined) {
    return {
      pixelFormat: 'gray',
      picture: (bytes) => bytes,
      options: (path) => ({
        ...{ kind: 'paired', content: 'labels', path, classes: layout.channels },
        ...(ignores && { ignore: IGNORED_ID }),
      }),
    };
  }
  const ignored = ignores ? ignoredColour(condition) : undefined;
  const colours = Array.from(
    { length: 256 },
    (_, id) => classColoursOf(layout)[id] ?? ignored ?? ([0, 0, 0] as const),
  );
  return {
    pixelFormat: 'rgb24',
    picture: (bytes) => {
      const rgb = new Uint8Array(3 * bytes.length);
      bytes.forEach((id, i) => rgb.set(colours[id]!, 3 * i));
      return rgb;
    },
    options: (path) => ({
      ...{ kind: 'paired', content: 'labels', path, palette },
      ...(ignored && { ignore: [ignored] }),
    }),
  };
}

/** Null of a model without conditions. */
export function recordedCondition(model: RecordedModel): RecordedCondition | null {
  const { layout } = model;
  if (layout.content === 'none') return null;
  if (layout.content === 'labels') return recordedLabels(model);
  return {
    pixelFormat: 'rgb24',
    picture: (bytes) => conditionToRgb(bytes, layout),
    options: (path) => ({ kind: 'paired', content: 'image', path }),
  };
}

/** What lies beside the pipeline of a recording. */
export interface RecordedParts {
  readonly name: string;
  readonly video: string;
  readonly condition: string | null;
  readonly actions: string | null;
  readonly width: number;
  readonly height: number;
  /** Frames a second, as `25` or `30000/1001`. */
  readonly fps: string;
}

/**
 * A pipeline that trains on a recording as it lies, its paths relative to it.
 * @returns YAML
 */
export function recordingPipeline(model: RecordedModel, parts: RecordedParts): string {
  const { name, video, condition, actions, width, height, fps } = parts;
  const written = recordedCondition(model);
  const { generator, ...sections } = model.sections;
  const text = stringify({
    name,
    ...sections,
    data: {
      clips: [video],
      size: `${width}x${height}`,
      fps,
      condition: written && condition !== null ? written.options(condition) : { kind: 'none' },
      ...(model.actions && actions !== null && { actions: toldActions(model.actions, actions) }),
    },
    ...(generator !== undefined
      ? { generator }
      : model.layout.content === 'none' && { generator: { noiseChannels: 8 } }),
  });
  return `# Trains on what was recorded beside this file.\n${text}`;
}
