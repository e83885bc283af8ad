// Lists of inputs as people make them: byte order marks, UTF-16, quotes, comments, other programs'.
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { gatherInputs } from '../../src/cli/input/inputs.js';
import { caseFolder, flatVideo } from './make.js';

const path = caseFolder();
const NAMES = ['clips/clip 1 é.mp4', 'clips/clip 2 é.mp4'] as const;
const here = process.cwd();

beforeAll(async () => {
  mkdirSync(path('clips'));
  for (const name of NAMES) {
    await flatVideo(path(name), { lumas: [40, 90, 140], options: ['-c:v', 'mpeg4'] });
  }
  process.chdir(path());
});
afterAll(() => process.chdir(here));

const [one, two] = NAMES;
const lines = (...text: string[]): string => `${text.join('\n')}\n`;
const big = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();

/** What nearly every editor writes has to be read. */
const READ: Readonly<Record<string, string>> = {
  'plain.txt': lines(one, two),
  'no-last-newline.txt': `${one}\n${two}`,
  'bom.txt': `\ufeff${one}\r\n${two}\r\n`,
  'blank-lines.txt': lines(one, '', '  ', two),
};
/** Others are read, or refused. */
const READ_OR_REFUSED: Readonly<Record<string, string | Buffer>> = {
  'utf16.txt': Buffer.from(`\ufeff${one}\r\n${two}\r\n`, 'utf16le'),
  'utf16be.txt': big(`${one}\r\n${two}\r\n`),
  'quoted.txt': lines(`"${one}"`, `"${two}"`),
  'single-quoted.txt': lines(`'${one}'`, `'${two}'`),
  'concat.txt': lines('ffconcat version 1.0', `file '${one}'`, `file '${two}'`),
  'concat-plain.txt': lines(`file '${one}'`, 'duration 2.5', `file '${two}'`),
  'comments.txt': lines('# my clips', `${one}  `, two),
  'old-mac.txt': `${one}\r${two}\r`,
};

/** What becomes of a list, in a word where it is one of the two right things. */
async function verdict(name: string): Promise<string> {
  try {
    const inputs = await gatherInputs([], path(name));
    const found = inputs.map((input) => resolve(input)).join();
    return found === NAMES.map((input) => path(input)).join() ? 'read' : `read as ${found}`;
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    const line = error.toLine().trim();
    const clear = line.includes(name) && !line.includes('\n');
    return clear ? 'refused in one line' : line;
  }
}

describe('a list of inputs', () => {
  it.each(Object.keys(READ))('is read right: %s', async (name) => {
    writeFileSync(path(name), READ[name]!);
    expect(await verdict(name)).toBe('read');
  });

  it.each(Object.keys(READ_OR_REFUSED))('is read right or refused: %s', async (name) => {
    writeFileSync(path(name), READ_OR_REFUSED[name]!);
    expect(['read', 'refused in one line']).toContain(await verdict(name));
  });

  it('that is a video or bytes of another kind is refused in one line', async () => {
    writeFileSync(path('bytes.txt'), Buffer.from([0x89, 0x50, 0, 0, 0, 0xff, 0xfe, 0x0a, 0, 0x0a]));
    for (const name of ['bytes.txt', one]) {
      const outcome = gatherInputs([], path(name));
      await expect(outcome).rejects.toMatchObject({ name: 'FrameloomError' });
    }
  });

  it('that is empty, or holds comments alone, says that there is no input', async () => {
    writeFileSync(path('empty.txt'), '');
    writeFileSync(path('bom-only.txt'), '\ufeff\r\n');
    for (const name of ['empty.txt', 'bom-only.txt']) {
      await expect(gatherInputs([], path(name))).rejects.toMatchObject({ code: 'bad-option' });
    }
  });
});
