/** The page of `frameloom live` and of its export, built to dist/web/: relative addresses, so that any folder may hold it. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const root = resolve(import.meta.dirname, '..');
const outDir = join(root, 'dist', 'web');
const runtime = join(createRequire(import.meta.url).resolve('onnxruntime-web'), '..');
const { version } = JSON.parse(readFileSync(join(runtime, '..', 'package.json'), 'utf8')) as {
  version: string;
};

/**
 * ONNX Runtime's own files. There is one build for both WebGPU and the processor: the one whose calls wait by the
 * browser's own means (JSPI), 4.1 MB compressed; the others that can do both are 6.6 MB, and the one for the
 * processor alone is 3.7 MB. Hosts that compress nothing are common, so that it lies there compressed.
 */
const BUILD = 'ort-wasm-simd-threaded.jspi';
const RUNTIME_FILES = {
  script: `onnxruntime/${version}/${BUILD}.mjs`,
  program: `onnxruntime/${version}/${BUILD}.wasm.gz`,
};

function onnxRuntime(): Plugin {
  return {
    name: 'frameloom-onnxruntime',
    async generateBundle() {
      const packed = await promisify(gzip)(readFileSync(join(runtime, `${BUILD}.wasm`)), {
        level: constants.Z_BEST_COMPRESSION,
      });
      this.emitFile({ type: 'asset', fileName: RUNTIME_FILES.program, source: packed });
      const script = readFileSync(join(runtime, `${BUILD}.mjs`));
      this.emitFile({ type: 'asset', fileName: RUNTIME_FILES.script, source: script });
    },
  };
}

/** What the page was made of, for set-up: scripts/setup/page.mjs. */
function modules(): Plugin {
  const files = new Set<string>();
  const noted: Plugin = {
    name: 'frameloom-modules',
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const file = relative(root, id.split('?')[0]!).replaceAll('\\', '/');
        if (file.startsWith('src/')) files.add(file);
      }
    },
    async closeBundle() {
      await writeFile(join(outDir, '.modules'), `${JSON.stringify([...files].sort())}\n`);
    },
  };
  return noted;
}

const noted = modules();

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  define: { __RUNTIME_FILES__: JSON.stringify(RUNTIME_FILES) },
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
  plugins: [onnxRuntime(), noted],
  worker: { format: 'es', plugins: () => [{ ...noted, closeBundle: () => undefined }] },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
