import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface Violation {
  rule: { name: string };
  from: string;
  to: string;
}

/** Runs the project's own rules over a small src/ and gives what they find. */
async function cruise(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-layers-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  for (const name of ['tsconfig.json', '.dependency-cruiser.cjs', 'package.json']) {
    await cp(join(root, name), join(folder, name));
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const stdout = await new Promise<string>((done, fail) => {
    execFile(
      process.execPath,
      [program, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
      { cwd: folder, maxBuffer: 1 << 26 },
      // It exits with the number of errors it found; what it printed is the result.
      (error, out) => (out.startsWith('{') ? done(out) : fail(error ?? new Error(out))),
    );
  });
  const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
  return summary.violations.map(({ rule, from, to }) => {
    const package_ = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(to)?.[1];
    return `${rule.name}: ${from} -> ${package_ ?? to}`;
  });
}

const REQUIRE =
  "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n";

it('let imports go downward, and each layer keep its own libraries', async () => {
  const found = await cruise({
    'src/cli/a.ts': "import { b } from '../clips/b.js';\nexport const a = b;\n",
    'src/clips/b.ts': "import { c } from './c.js';\nexport const b = c;\n",
    'src/clips/c.ts': "import { d } from '../base/d.js';\nexport const c = d;\n",
    'src/base/d.ts': 'export const d = 1;\n',
    'src/index.ts': "export { b } from './clips/b.js';\n",
    'src/backend/native.ts': `${REQUIRE}require('@tensorflow/tfjs-node');\n`,
    'src/video/b.ts': "import ffmpeg from 'fluent-ffmpeg';\nexport const b = ffmpeg;\n",
    'src/clips/t.ts': "import * as tf from '@tensorflow/tfjs-core';\nexport const t = tf;\n",
  });
  expect(found).toEqual([]);
});

it('catch what goes upward, round, or past the layer that owns a library', async () => {
  const found = await cruise({
    // Upward, by a type alone.
    'src/base/low.ts': "import type { A } from '../networks/a.js';\nexport type Low = A;\n",
    'src/networks/a.ts': 'export type A = number;\n',
    // The public entry from inside.
    'src/clips/entry.ts': "import { x } from '../index.js';\nexport const a = x;\n",
    'src/index.ts': 'export const x = 1;\n',
    // Round.
    'src/clips/a.ts': "import { b } from './b.js';\nexport const a = (): number => b();\n",
    'src/clips/b.ts': "import { a } from './a.js';\nexport const b = (): number => a();\n",
    // Second importers.
    'src/training/node.ts': "import '@tensorflow/tfjs-node';\n",
    'src/training/gpu.ts': `${REQUIRE}require('@tensorflow/tfjs-node-gpu');\n`,
    'src/training/wasm.ts': "import '@tensorflow/tfjs-backend-wasm';\n",
    'src/training/whole.ts': "import '@tensorflow/tfjs';\n",
    'src/clips/ffmpeg.ts': "import ffmpeg from 'fluent-ffmpeg';\nexport const a = ffmpeg;\n",
    'src/video/c.ts': "import * as tf from '@tensorflow/tfjs-core';\nexport const c = tf;\n",
    'src/planning/c.ts': "import * as tf from '@tensorflow/tfjs-core';\nexport const c = tf;\n",
    'src/planning/a.ts': "import type { A } from '../networks/a.js';\nexport type B = A;\n",
  });
  expect(found.sort()).toEqual([
    'base-imports-downward: src/base/low.ts -> src/networks/a.ts',
    'clips-imports-downward: src/clips/entry.ts -> src/index.ts',
    'no-cycles: src/clips/a.ts -> src/clips/b.ts',
    'one-backend-importer: src/training/gpu.ts -> @tensorflow/tfjs-node-gpu',
    'one-backend-importer: src/training/node.ts -> @tensorflow/tfjs-node',
    'one-backend-importer: src/training/wasm.ts -> @tensorflow/tfjs-backend-wasm',
    'one-backend-importer: src/training/whole.ts -> @tensorflow/tfjs',
    'one-ffmpeg-importer: src/clips/ffmpeg.ts -> fluent-ffmpeg',
    'planning-runs-nothing: src/planning/a.ts -> src/networks/a.ts',
    'planning-runs-nothing: src/planning/c.ts -> @tensorflow/tfjs-core',
    'video-knows-no-tensor: src/video/c.ts -> @tensorflow/tfjs-core',
  ]);
});
