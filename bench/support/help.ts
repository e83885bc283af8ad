/**
 * What a bench says of itself, to `--help`: the comment at its beginning. Imported first by each
 * program, so that nothing is started for it.
 */
import { readFileSync } from 'node:fs';

/** The words of the comment that a program begins with. */
export function usageOf(source: string): string {
  const comment = /^(?:#!.*\n)?\/\*\*\n([\s\S]*?)\n \*\//.exec(source)?.[1] ?? '';
  return comment.replaceAll(/^ \* ?/gm, '');
}

const [, script, ...words] = process.argv;
if (script !== undefined && words.some((word) => word === '--help' || word === '-h')) {
  console.log(usageOf(readFileSync(script, 'utf8')));
  process.exit(0);
}
