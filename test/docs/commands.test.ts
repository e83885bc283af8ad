import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildProgram } from '../../src/cli/program.js';
import { root } from '../program.js';
import { blocksIn, type Block } from './blocks.js';
import { programsOf, type Words } from './words.js';

const run = promisify(execFile);

/** The command lines of a block; of one that shows output too, those behind a prompt. */
function linesOf({ language, code }: Block): string[] {
  const lines = code.replace(/\\\n\s*/g, '').split('\n');
  if (language === 'console') {
    return lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  }
  return language === '' ? lines.filter((line) => /^(frameloom|np[mx]) /.test(line)) : lines;
}

interface Line {
  readonly place: string;
  readonly words: Words;
}

const LINES: readonly Line[] = blocksIn('sh', 'bash', 'console', '').flatMap((block) =>
  linesOf(block)
    .flatMap(programsOf)
    .map((words) => ({
      place: block.place,
      words: words.filter((word) => !/^[A-Z_]+=/.test(word)),
    })),
);

/** What a shell is given to run in the words of another program, but for what it puts in by itself. */
function inShell(words: Words): Words {
  const at = words.indexOf('sh');
  if (at < 0 || words[at + 1] !== '-c') return words;
  // What is put in by the shell: options that may be none, and values.
  const text = (words[at + 2] ?? '')
    .replaceAll(/\$\([^)]*\)|\$again/g, '')
    .replaceAll(/\$\w+/g, '1');
  const [program = []] = programsOf(text);
  return program[0] === 'exec' ? program.slice(1) : program;
}

/** What follows `frameloom`, however that is called. */
function argumentsOf(called: Words): Words | undefined {
  const words = inShell(called);
  if (words[0] === 'frameloom') return words.slice(1);
  if (words[0] === 'npx' && words[1] === 'frameloom') return words.slice(2);
  const main = words.findIndex((word) => /(^|\/)cli\/main\.[jt]s$/.test(word));
  return main > 0 ? words.slice(main + 1) : undefined;
}

/** What Kubernetes starts: all containers of a manifest, however deep they stand in it. */
function containersIn(value: unknown): { command?: Words; args?: Words }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'containers' ? (each as { command?: Words; args?: Words }[]) : containersIn(each),
  );
}

/** Takes the words as the real command line does, and runs nothing. @returns what is wrong with them */
async function complaint(words: Words): Promise<string | undefined> {
  let taken: Command | undefined;
  const program = buildProgram('1.2.3', (_work, command) => {
    taken = command;
    return Promise.resolve();
  });
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'commander.helpDisplayed' || code === 'commander.version') return undefined;
    return message;
  }
  return taken ? undefined : 'it is no command';
}

describe('the command lines of the guides', () => {
  it('are understood by the command line as it is', async () => {
    const calls = LINES.flatMap(({ place, words }) => {
      const own = argumentsOf(words);
      return own ? [{ place, words: own }] : [];
    });
    expect(calls.length).toBeGreaterThan(25);
    const wrong: string[] = [];
    for (const { place, words } of calls) {
      const why = await complaint(words);
      if (why !== undefined) wrong.push(`${place} frameloom ${words.join(' ')}: ${why}`);
    }
    expect(wrong).toEqual([]);
    // That a mistake would be seen.
    expect(await complaint(['generate', 'run', '-i', 'a', '-o', 'b', '--sed', '1'])).toContain(
      '--sed',
    );
    expect(await complaint(['generat', 'run'])).toContain('generat');
  });

  it('of containers are understood too', async () => {
    const pods = blocksIn('yaml').filter(({ code }) => code.includes('containers:'));
    expect(pods.length).toBeGreaterThan(0);
    for (const { place, code } of pods) {
      const containers = containersIn(parse(code));
      expect([place, containers.length]).not.toEqual([place, 0]);
      // Without a command the image's own is started, which is Frameloom.
      for (const { command = ['frameloom'], args = [] } of containers) {
        const [program, ...words] = inShell([...command, ...args]);
        expect([place, program]).toEqual([place, 'frameloom']);
        expect([place, await complaint(words)]).toEqual([place, undefined]);
      }
    }
  });

  it('name scripts and programs that are there', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const missing = LINES.filter(({ words }) => {
      const [program, first = '', second = ''] = words;
      if (program === 'npm') {
        const script = first === 'run' ? second : first;
        return !(script in scripts) && !['install', 'ci', 'pack', 'i'].includes(script);
      }
      const isTsx = program === 'npx' && first === 'tsx';
      const file = program === 'node' ? first : isTsx ? second : undefined;
      if (file === undefined || file.startsWith('-')) return false;
      // What is built is there as its source.
      const source = file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');
      return !existsSync(join(root, source));
    });
    expect(missing).toEqual([]);
  });
});

describe('the Python of the guides', () => {
  it('compiles', async () => {
    const blocks = blocksIn('python', 'py');
    expect(blocks.length).toBeGreaterThan(0);
    const check = `import ast, json, sys
for block in json.loads(sys.argv[1]):
    try:
        ast.parse(block["code"])
    except SyntaxError as error:
        print(block["place"], error)`;
    const { stdout } = await run('python3', ['-c', check, JSON.stringify(blocks)]);
    expect(stdout).toBe('');
  });
});

describe('the words of a line', () => {
  it.each([
    ['a -i \'x y/*.mp4\' -o "{name}" # why', [['a', '-i', 'x y/*.mp4', '-o', '{name}']]],
    ['a 1 | b - > c.txt && d', [['a', '1'], ['b', '-'], ['d']]],
    ['a x#y \\"z 2> /dev/null', [['a', 'x#y', '"z']]],
  ])('%s', (line, programs) => {
    expect(programsOf(line)).toEqual(programs);
  });
});
