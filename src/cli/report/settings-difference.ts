/** A setting that is not the same everywhere, and what it is in each; null where one does not have it. */
export interface DifferingSetting {
  /** `training.frames` */
  readonly key: string;
  readonly values: readonly (string | null)[];
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A short list is read best as one setting, a list of settings entry by entry. */
const isShort = (list: readonly unknown[]): boolean =>
  list.every((one) => typeof one !== 'object' || one === null);

const say = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(say).join(', ')}]`
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

/** Every setting of a pipeline by its key, in the pipeline's order. */
export function settingsIn(value: unknown, key = ''): Map<string, string> {
  const settings = new Map<string, string>();
  const entries: [string, unknown][] | null = isPlain(value)
    ? Object.entries(value).map(([name, inner]) => [key === '' ? name : `${key}.${name}`, inner])
    : Array.isArray(value) && !isShort(value)
      ? value.map((inner: unknown, i) => [`${key}[${i}]`, inner])
      : null;
  if (entries === null || (entries.length === 0 && key !== '')) {
    if (value !== undefined) settings.set(key, entries === null ? say(value) : '{}');
    return settings;
  }
  for (const [inner, of] of entries) {
    for (const [name, said] of settingsIn(of, inner)) settings.set(name, said);
  }
  return settings;
}

/**
 * The settings in which pipelines differ, in the order in which they stand there.
 * @param pipelines resolved, every default written out
 */
export function differingSettings(pipelines: readonly object[]): DifferingSetting[] {
  const all = pipelines.map((pipeline) => settingsIn(pipeline));
  const keys = [...new Set(all.flatMap((settings) => [...settings.keys()]))];
  return keys
    .map((key) => ({ key, values: all.map((settings) => settings.get(key) ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
}
