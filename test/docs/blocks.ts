// The code blocks of the README and the guides.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../program.js';

export interface Block {
  /** `docs/video.md:12`, where its first line stands. */
  readonly place: string;
  /** What follows the fence; empty where nothing does. */
  readonly language: string;
  readonly code: string;
}

/** Every guide, from the repository's root. */
export const GUIDES: readonly string[] = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The blocks of a guide, in order. */
function blocksOf(guide: string): Block[] {
  const blocks: Block[] = [];
  let open: { readonly language: string; readonly place: string; lines: string[] } | undefined;
  for (const [i, line] of readFileSync(join(root, guide), 'utf8').split('\n').entries()) {
    const fence = /^\s*```(\S*)/.exec(line);
    if (open) {
      if (!fence) open.lines.push(line);
      else {
        blocks.push({ place: open.place, language: open.language, code: open.lines.join('\n') });
        open = undefined;
      }
    } else if (fence) {
      open = { language: fence[1]!, place: `${guide}:${i + 2}`, lines: [] };
    }
  }
  if (open) throw new Error(`${open.place} is not closed`);
  return blocks;
}

/** All blocks in one of these languages. */
export const blocksIn = (...languages: readonly string[]): Block[] =>
  GUIDES.flatMap(blocksOf).filter(({ language }) => languages.includes(language));
