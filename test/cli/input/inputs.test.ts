import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../../src/base/error.js';
import { createLogger } from '../../../src/base/log.js';
import { gatherInputs } from '../../../src/cli/input/inputs.js';

let folder = '';
const here = process.cwd();
const inFolder = (path: string): string => join(folder, path);

async function put(path: string, content: string | Buffer = 'a film'): Promise<void> {
  await mkdir(dirname(inFolder(path)), { recursive: true });
  await writeFile(inFolder(path), content);
}

/** What a list of this content means, as paths below the folder. */
async function read(content: string | Buffer, list = 'list.txt'): Promise<string[]> {
  await put(list, content);
  const inputs = await gatherInputs([], inFolder(list));
  return inputs.map((input) => resolve(input).slice(folder.length + 1));
}

async function refusal(content: string | Buffer, list = 'list.txt'): Promise<string> {
  const outcome: unknown = await read(content, list).then(
    (inputs) => inputs,
    (error: unknown) => error,
  );
  if (!isFrameloomError(outcome)) return `no error: ${String(outcome)}`;
  return `${outcome.code}: ${outcome.toLine().replaceAll(folder, '.')}`;
}

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const A = 'clips/clip 1 é.mp4';
const B = 'clips/日本.mp4';
const both = `${A}\n${B}\n`;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'frameloom-lists-')));
  for (const name of [A, B, 'lists/near.mp4', 'lists/clips/both.mp4', 'clips/both.mp4']) {
    await put(name);
  }
  process.chdir(folder);
});
afterAll(async () => {
  process.chdir(here);
  await rm(folder, { recursive: true, force: true });
});

describe('folders of inputs', () => {
  it('are taken as training takes clips, and what they do not stand for is told', async () => {
    for (const name of ['a/0001.png', 'a/0002.png', 'b/0001.png', 'b/0002.png', 'notes.txt']) {
      await put(`labels/${name}`);
    }
    await put('mixed/s/1.rgb.png');
    await put('mixed/s/2.rgb.png');
    let said = '';
    const log = createLogger({ write: (line) => void (said += line) });
    const gather = (entry: string) => gatherInputs([entry], undefined, undefined, log);
    expect(await gather('labels/*')).toEqual(['labels/a', 'labels/b']);
    expect(said).toBe('left out what is neither video nor picture: labels/notes.txt\n');
    for (const entry of ['labels', 'labels/**', 'labels/*/*.png']) {
      expect(await gather(entry)).toEqual(['labels/a', 'labels/b']);
    }
    expect(await gather('labels/*/*1.png')).toEqual(['labels/a/*1.png', 'labels/b/*1.png']);
    said = '';
    await put('labels/film.mp4');
    expect(await gather('labels')).toEqual(['labels/film.mp4']);
    expect(said).toMatch(/^warning: 2 more inputs, such as labels\/a, are not taken: .*\/\*\*/);
    await put('mixed/s/1.ids.png');
    await put('mixed/s/2.ids.png');
    await expect(gather('mixed/*')).rejects.toMatchObject({ code: 'bad-data' });
    await expect(gather('mixed/s')).rejects.toThrow('%d.ids.png (2 pictures)');
    expect(await gather('mixed/*/%d.ids.png')).toEqual(['mixed/s/%d.ids.png']);
  });
});

describe('a list', () => {
  it.each<[string, string | Buffer]>([
    ['UTF-8', both],
    ['UTF-8 with a byte order mark and CRLF', `\ufeff${A}\r\n${B}\r\n`],
    ['marks in the middle, of lists that were joined', `\ufeff${A}\n\ufeff${B}\n`],
    ['lines ended by CR alone', `${A}\r${B}`],
    ['UTF-16 LE with a byte order mark', utf16(`\ufeff${A}\r\n${B}\r\n`)],
    ['UTF-16 BE with a byte order mark', utf16(`\ufeff${both}`).swap16()],
    ['UTF-16 LE without', utf16(both)],
    ['UTF-16 BE without', utf16(both).swap16()],
    ['quotes', `"${A}"\n  '${B}'  \n`],
    ['blanks around', `  ${A}  \n\t${B}\t\n`],
    ['comments and empty lines', `# mine\n\n${A}\n   \n  # more\n${B}`],
    ['ffconcat', `ffconcat version 1.0\n# it\nfile '${A}'\nfile ${B}\n`],
    [
      'ffconcat with a mark and CRLF',
      `\ufeffffconcat version 1.0\r\nfile '${A}'\r\nfile '${B}'\r\n`,
    ],
    ['ffconcat without its first line', `file '${A}'\nfile '${B}'\n`],
    ['ffconcat’s escapes', `file clips/clip\\ 1\\ é.mp4\nfile 'clips/日'本'.mp4'\n`],
    ['ffconcat’s file protocol', `file 'file:${A}'\nfile 'file:${B}'\n`],
    ['absolute paths', ''],
  ])('is read: %s', async (name, content) => {
    const text = name === 'absolute paths' ? `${inFolder(A)}\n${inFolder(B)}\n` : content;
    expect(await read(text)).toEqual([A, B]);
  });

  it('means names as they stand where there is such a file', async () => {
    await put('odd/ends in a space.mp4 ');
    await put('odd/ends in a space.mp4');
    await put('odd/#1.mp4');
    await put(`odd/'q'.mp4`);
    await put('odd/"all".mp4');
    const names = ['odd/ends in a space.mp4 ', 'odd/ends in a space.mp4', 'odd/"all".mp4'];
    expect(await read(`${names.join('\n')}\n`)).toEqual(names);
    process.chdir(inFolder('odd'));
    try {
      expect(await read(`#1.mp4\n'q'.mp4\n#2.mp4\n`)).toEqual(['odd/#1.mp4', `odd/'q'.mp4`]);
    } finally {
      process.chdir(folder);
    }
  });

  it('starts from the working folder, and from its own for what is not there', async () => {
    const list = 'lists/mine.txt';
    expect(await read('near.mp4\nclips/both.mp4\n', list)).toEqual([
      'lists/near.mp4',
      'clips/both.mp4',
    ]);
    // ffmpeg's are relative to themselves.
    expect(await read(`file near.mp4\nfile clips/both.mp4\n`, list)).toEqual([
      'lists/near.mp4',
      'lists/clips/both.mp4',
    ]);
  });

  it('holds globs, folders and patterns too, and nothing twice', async () => {
    await put('seq/0001.png');
    await put('seq/0002.png');
    expect(await read('clips/*.mp4\nseq/%04d.png\nclips\nseq\n')).toEqual([
      'clips/both.mp4',
      A,
      B,
      'seq/%04d.png',
      'seq',
    ]);
    expect(await read('ne*.mp4', 'lists/glob.txt')).toEqual(['lists/near.mp4']);
    expect(await refusal('nothing-*.mp4')).toContain('not-found: no file matches nothing-*.mp4');
  });

  it('leaves what is missing to fail by itself', async () => {
    expect(await read(`${A}\n "gone.mp4" \n`)).toEqual([A, 'gone.mp4']);
  });

  it('that is none says so in one line', async () => {
    const binary = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));
    const mp4 = Buffer.concat([Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0'), binary]);
    for (const content of [
      mp4,
      binary,
      Buffer.from('a\0b\0\0c'),
      Buffer.from('YUV4MPEG2 W2\n\x10'),
    ]) {
      const line = await refusal(content);
      expect(line).toMatch(
        /^bad-option: .\/list\.txt is no list of videos: it is no text \(a list/,
      );
      expect(line).not.toContain('\n');
    }
    expect(await refusal(Buffer.from('caf\xe9.mp4\n', 'latin1'))).toContain(
      'its text is neither UTF-8 nor UTF-16',
    );
    await expect(gatherInputs([], inFolder('clips'))).rejects.toThrow('it is a folder');
    await expect(gatherInputs([], inFolder('gone.txt'))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await refusal('\ufeff\r\n# all gone\n')).toContain('there is no input');
  });

  it('of ffmpeg’s that says more than names is refused by its line', async () => {
    expect(await refusal(`ffconcat version 1.0\nfile '${A}'\ninpoint 2.5\n`)).toContain(
      'bad-option: line 3 of ./list.txt says inpoint, and a list names whole videos',
    );
    expect(await refusal(`file '${A}'\nduration 5\n`)).toContain('line 2 of');
    expect(await refusal(`file ${A}\n`)).toContain('quote names with blanks');
    expect(await refusal(`file '${A}\nfile x\n`)).toContain('line 1 of');
  });
});
