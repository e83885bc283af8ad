/** The page of `frameloom live` and of its export, built to dist/web/: relative addresses, so that any folder may hold it. */
import { readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { build } from 'esbuild';
import { defineConfig, type Plugin } from 'vite';
import { LICENCE } from '../scripts/setup/onnxruntime.mjs';
import { packageFolder } from '../scripts/setup/paths.mjs';

const root = resolve(import.meta.dirname, '..');
const outDir = join(root, 'dist', 'web');
const runtime = join(createRequire(import.meta.url).resolve('onnxruntime-web'), '..');
const { version } = JSON.parse(readFileSync(join(runtime, '..', 'package.json'), 'utf8')) as {
  version: string;
};

/**
 * ONNX Runtime's own files. There is one build for both WebGPU and the processor: the one whose calls wait by the
 * browser's own means (JSPI), 4.1 MB compressed; the others that can do both are 6.6 MB, and the one for the
 * processor alone is 3.7 MB. Hosts that compress nothing are common, so that it lies there compressed, by a name that no
 * host takes for an encoding of its own.
 */
const BUILD = 'ort-wasm-simd-threaded.jspi';
const RUNTIME_FILES = {
  script: `onnxruntime/${version}/${BUILD}.mjs`,
  program: `onnxruntime/${version}/${BUILD}.wasm.bin`,
};

/**
 * Browsers without JSPI run what is for the processor all the same, since none of that waits. It stands in front of the
 * runtime's script, which its threads load by themselves.
 */
const WITHOUT_JSPI = `if (!('Suspending' in WebAssembly)) {
  WebAssembly.Suspending = function (call) { return call; };
  WebAssembly.promising = (call) => async (...words) => call(...words);
}`;

function onnxRuntime(): Plugin {
  return {
    name: 'frameloom-onnxruntime',
    async generateBundle() {
      const packed = await promisify(gzip)(readFileSync(join(runtime, `${BUILD}.wasm`)), {
        level: constants.Z_BEST_COMPRESSION,
      });
      this.emitFile({ type: 'asset', fileName: RUNTIME_FILES.program, source: packed });
      const script = `${WITHOUT_JSPI}\n${readFileSync(join(runtime, `${BUILD}.mjs`), 'utf8')}`;
      this.emitFile({ type: 'asset', fileName: RUNTIME_FILES.script, source: script });
    },
  };
}

/**
 * What the page was made of: for set-up the modules of src/ (scripts/setup/page.mjs), and for those who have it the
 * licences of the packages that are in it.
 */
function modules(): Plugin {
  const files = new Set<string>();
  const packages = new Set<string>(['onnxruntime-web']);
  return {
    name: 'frameloom-modules',
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const file = relative(root, id.split('?')[0]!).replaceAll('\\', '/');
        if (file.startsWith('src/')) files.add(file);
        const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
        if (name !== undefined) packages.add(name);
      }
    },
    async closeBundle() {
      const licences = [...packages].sort().map((name) => `# ${name}\n\n${licenceOf(name)}`);
      await writeFile(join(outDir, 'licences.txt'), licences.join('\n'));
      await writeFile(join(outDir, '.modules'), `${JSON.stringify([...files].sort())}\n`);
    },
  };
}

/** A package's licence, or what it says of it where it brings none along. */
function licenceOf(name: string): string {
  if (/^onnxruntime-(web|common)$/.test(name)) return LICENCE;
  const folder = packageFolder(name)!;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8');
  const said = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    license: string;
    author?: string;
  };
  return `${said.license}${said.author === undefined ? '' : `, ${said.author}`}: https://www.npmjs.com/package/${name}\n`;
}

/**
 * The script that a game loads to be recorded, as one that needs no module and leaves no names behind: it must run before
 * those of the game, of whatever kind they are.
 */
function tap(): Plugin {
  return {
    name: 'frameloom-tap',
    async generateBundle() {
      const { outputFiles } = await build({
        entryPoints: [join(import.meta.dirname, 'src', 'record', 'tap.ts')],
        ...{ bundle: true, minify: true, write: false, format: 'iife', target: 'es2022' },
      });
      this.emitFile({ type: 'asset', fileName: 'tap.js', source: outputFiles[0]!.contents });
    },
  };
}

const noted = modules();

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  define: { __RUNTIME_FILES__: JSON.stringify(RUNTIME_FILES) },
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
  plugins: [onnxRuntime(), tap(), noted],
  worker: { format: 'es', plugins: () => [{ ...noted, closeBundle: () => undefined }] },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        index: join(import.meta.dirname, 'index.html'),
        record: join(import.meta.dirname, 'record.html'),
        // The engines without the page, by a name that stays: for programs that drive them.
        engine: join(import.meta.dirname, 'src', 'engine', 'index.ts'),
        'service-worker': join(import.meta.dirname, 'src', 'engine', 'worker', 'service-worker.ts'),
      },
      preserveEntrySignatures: 'strict',
      output: {
        entryFileNames: ({ name }) =>
          ['index', 'record'].includes(name) ? 'assets/[name]-[hash].js' : '[name].js',
      },
    },
  },
});
