/** One program of a command line, with the words it is given. */
export type Words = readonly string[];

/**
 * The programs of a line, as a POSIX shell would take them apart: quotes, backslashes, pipes, `&&`,
 * comments; what is redirected is left out. Nothing is looked up or run.
 */
export function programsOf(line: string): Words[] {
  const programs: string[][] = [[]];
  const tokens = line.matchAll(
    /\s+|#.*$|\|\||&&|[|;]|\d?>{1,2}\s*\S+|(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\|;>#]|(?<!^|\s)#)+/gs,
  );
  for (const [token] of tokens) {
    if (/^(\s|#|\d?>)/.test(token)) continue;
    if (/^(\|\|?|&&|;)$/.test(token)) programs.push([]);
    else programs.at(-1)!.push(unquoted(token));
  }
  return programs.filter((words) => words.length > 0);
}

const unquoted = (token: string): string =>
  token.replace(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs,
    (_all, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  );
