import { relative, resolve } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { ENTRIES } from '../api/report.js';
import { root } from '../program.js';
import { blocksIn } from './blocks.js';
import { programOf, programPath } from './programs.js';

/** Packages that the guides speak of and that are not installed here. */
const HOSTS = resolve(root, 'test/docs/hosts.d.ts');

/** Parameters without a type. */
const IN_JAVASCRIPT = new Set([7006, 7031]);

/** The compiler's settings of the package, with what a page has beside. */
function settings(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(resolve(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as { config: { compilerOptions: object } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  return {
    ...options,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    noEmit: true,
    checkJs: true,
    // A sample may make what it does not go on to use.
    noUnusedLocals: false,
    paths: Object.fromEntries(
      Object.entries(ENTRIES).map(([name, path]) => [name, [resolve(root, path)]]),
    ),
  };
}

it('every TypeScript and JavaScript block of the guides compiles strictly against the package', () => {
  const blocks = blocksIn('ts', 'js');
  expect(blocks.length).toBeGreaterThan(10);
  const texts = new Map(blocks.map((block) => [programPath(block), programOf(block)]));
  expect(texts.size).toBe(blocks.length);
  // The check would be nothing if names were not looked for in the entries.
  const wrong = resolve(root, 'test/docs/wrong.ts');
  texts.set(wrong, "import { openVidoe } from 'frameloom/play';\n");
  const options = settings();
  const disk = ts.createCompilerHost(options, true);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => texts.has(path) || disk.fileExists(path),
    readFile: (path) => texts.get(path) ?? disk.readFile(path),
    getSourceFile: (path, version, ...more) => {
      const text = texts.get(path);
      return text === undefined
        ? disk.getSourceFile(path, version, ...more)
        : ts.createSourceFile(path, text, version, true);
    },
  };
  const program = ts.createProgram([...texts.keys(), HOSTS], options, host);
  const problems = [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!;
    const isJs = path.endsWith('.js');
    return (
      [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
        .map(({ code, messageText, start = 0 }) => {
          const { line } = file.getLineAndCharacterOfPosition(start);
          const message = ts.flattenDiagnosticMessageText(messageText, '\n');
          return { code, line: `${relative(root, path)}:${line} ${message}` };
        })
        // Plain JavaScript annotates nothing, and looks nothing up that may be undefined.
        .filter(
          ({ code, line }) => !isJs || !(IN_JAVASCRIPT.has(code) || line.includes('undefined')),
        )
        .map(({ line }) => line)
    );
  });
  expect(problems).toEqual([expect.stringContaining('test/docs/wrong.ts:0 ') as string]);
  expect(problems[0]).toContain('openVidoe');
});
