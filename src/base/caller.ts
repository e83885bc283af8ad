/** Command lines that are under way: then it is flags that a reader knows, and otherwise options of calls. */
let commandLines = 0;

/** Does the work of a command line, whose errors and warnings speak of its flags. */
export async function asCommandLine<T>(work: () => Promise<T>): Promise<T> {
  commandLines += 1;
  try {
    return await work();
  } finally {
    commandLines -= 1;
  }
}

/**
 * An option as its reader gives it.
 * @param flag of the command line, such as `--overwrite (-y)`
 * @param option of a call, such as `overwrite: true`
 */
export const asGiven = (flag: string, option: string): string => (commandLines > 0 ? flag : option);
