/**
 * Packs the bench for a card into one file that needs nothing of the machine but a driver, a shell, tar, and xz or
 * Python 3 to unpack it. docs/gpu.md says what it measures.
 *
 *   npx tsx bench/gpu/pack.ts [FILE]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { cacheFolder } from '../../src/base/cache-folder.js';
import { packageRoot } from '../../src/base/own-package.js';
import { provided } from '../../src/base/provisions.mjs';
import { findProgram } from '../../scripts/setup/paths.mjs';
import { say } from '../support/files.js';

/** What a machine that is lent for a few minutes takes. */
const MOST_BYTES = 64 * 2 ** 20;

const [named] = process.argv.slice(2);
const target = resolve(named ?? 'frameloom-gpu.sh');
if (process.platform !== 'linux') throw new Error('what is packed runs where it was packed: Linux');

for (const tool of ['strip', 'tar', 'xz']) {
  if (findProgram(tool) === undefined) throw new Error(`there is no ${tool}, which packs it`);
}

const cache = cacheFolder();
const pathsOf = (name: Parameters<typeof provided>[0], how: string): Record<string, string> => {
  const paths = provided(name, { cache })?.paths;
  if (paths === undefined) throw new Error(`${name} is not there: npm run setup${how}`);
  return paths;
};
const webgpu = pathsOf('webgpu', ' -- --webgpu');
const onnxruntime = pathsOf('onnxruntime', '');
const tensorflow = pathsOf('tensorflow-cpu', '');

const work = mkdtempSync(join(tmpdir(), 'frameloom-gpu-'));
const stage = join(work, 'stage');
const put = (from: string, to: string): void => {
  mkdirSync(dirname(join(stage, to)), { recursive: true });
  cpSync(from, join(stage, to), { recursive: true, dereference: true });
};
const write = (to: string, value: unknown): void => {
  mkdirSync(dirname(join(stage, to)), { recursive: true });
  writeFileSync(join(stage, to), JSON.stringify(value));
};

const SCRIPT = (lines: number): string => `#!/bin/sh
# Frameloom's bench for graphics cards: docs/gpu.md. Unpacks itself into a folder that it removes.
set -eu
work=$(mktemp -d "\${TMPDIR:-/tmp}/frameloom-gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if command -v xz >/dev/null 2>&1; then unpack() { xz -dc; }
elif command -v python3 >/dev/null 2>&1; then
  unpack() { python3 -c 'import lzma,shutil,sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'; }
else echo 'frameloom-gpu: neither xz nor python3 is there to unpack this' >&2; exit 1; fi
tail -n +${lines + 1} "$0" | unpack | tar -xf - -C "$work"
"$work/node" "$work/dist/gpu/run.mjs" "\${1:-frameloom-gpu.json}"
exit
`;

try {
  await build({
    entryPoints: ['run', 'part'].map((name) => join(packageRoot, 'bench', 'gpu', `${name}.ts`)),
    outdir: join(stage, 'dist', 'gpu'),
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', minify: true },
    external: ['@tensorflow/*', 'onnxruntime-node', '@techstark/opencv-js', 'fluent-ffmpeg'],
    // Packages of CommonJS ask for Node's own modules as they always did.
    banner: {
      js: "import { createRequire as frameloomRequire } from 'node:module'; globalThis.require ??= frameloomRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  for (const name of ['core', 'backend-cpu']) {
    const from = join(packageRoot, 'node_modules', '@tensorflow', `tfjs-${name}`);
    const { main } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
      main: string;
    };
    const to = join('node_modules', '@tensorflow', `tfjs-${name}`);
    put(join(from, main), join(to, main));
    write(join(to, 'package.json'), { main });
  }
  put(join(packageRoot, 'node_modules', 'seedrandom'), 'node_modules/seedrandom');
  put(dirname(dirname(webgpu.addon!)), 'webgpu');
  put(onnxruntime.folder!, 'onnxruntime');
  put(dirname(tensorflow.addon!), 'addon');
  put(tensorflow.tfjsNode!, 'tfjs-node');
  for (const half of ['generator-step', 'discriminator-step']) {
    put(join(packageRoot, 'test', 'golden', `${half}.json`), `golden/${half}.json`);
  }
  write('package.json', { name: 'frameloom', version: '0', type: 'module' });
  const notes = {
    webgpu: { addon: 'webgpu/dawn/dawn.node', backend: 'webgpu/tf-backend-webgpu.node.js' },
    onnxruntime: { folder: 'onnxruntime' },
  };
  for (const [name, paths] of Object.entries(notes)) write(`.provisions/${name}.json`, { paths });
  put(process.execPath, 'node');
  const loader = '/usr/lib/x86_64-linux-gnu/libvulkan.so.1';
  if (existsSync(loader)) put(loader, 'lib/libvulkan.so.1');
  for (const file of ['node', 'webgpu/dawn/dawn.node']) {
    // Names of functions, for debuggers: a tenth of the size.
    execFileSync('strip', ['-s', join(stage, file)], { stdio: 'ignore' });
  }
  const archive = join(work, 'archive.tar');
  execFileSync('tar', ['-cf', archive, '-C', stage, '.']);
  execFileSync('xz', ['-6', '-T0', archive]);
  const script = SCRIPT(SCRIPT(0).split('\n').length - 1);
  const whole = Buffer.concat([Buffer.from(script), readFileSync(`${archive}.xz`)]);
  if (whole.length > MOST_BYTES) {
    throw new Error(`${whole.length} bytes are more than the ${MOST_BYTES} that may travel`);
  }
  writeFileSync(target, whole, { mode: 0o755 });
  say(`${target}: ${(statSync(target).size / 2 ** 20).toFixed(1)} MiB of ${MOST_BYTES / 2 ** 20}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
