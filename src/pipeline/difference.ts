import type { Pipeline } from './schema.js';

/** A key that two pipelines disagree on. */
export interface Difference {
  /** `training.steps` */
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function walk(key: string, from: unknown, to: unknown): Difference[] {
  if (isMap(from) && isMap(to)) {
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return keys.flatMap((name) => walk(key === '' ? name : `${key}.${name}`, from[name], to[name]));
  }
  return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ key, from, to }];
}

/** What changed between two resolved pipelines, key by key. */
export const differences = (from: Pipeline, to: Pipeline): Difference[] => walk('', from, to);

/** `training.steps 2000 → 4000` */
export function describeDifference({ key, from, to }: Difference): string {
  const show = (value: unknown): string => (value === undefined ? 'unset' : JSON.stringify(value));
  return `${key} ${show(from)} → ${show(to)}`;
}

/** Whether a change leaves a run's saved weights without a place to go. */
export const changesNetworks = ({ key }: Difference): boolean =>
  ['generator', 'frameDiscriminator', 'sequenceDiscriminator', 'data.condition'].some(
    (section) => key === section || key.startsWith(`${section}.`),
  );
