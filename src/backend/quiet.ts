/**
 * Runs `load` without the deprecation warnings that old packages cause while they load (punycode,
 * url.parse): standard error is for what a user can act on. Other warnings pass.
 */
export function withoutDeprecations(load: () => void): void {
  const emitWarning = process.emitWarning.bind(process);
  const filtered = (warning: string | Error, ...rest: unknown[]): void => {
    const [first] = rest;
    const type =
      warning instanceof Error
        ? warning.name
        : typeof first === 'object' && first !== null
          ? (first as { type?: string }).type
          : first;
    if (type === 'DeprecationWarning') return;
    (emitWarning as (warning: string | Error, ...rest: unknown[]) => void)(warning, ...rest);
  };
  process.emitWarning = filtered;
  try {
    load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
