import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { moduleAt, NODE_WORDS } from '../program.js';
import { scratchPath } from '../video/make-clip.js';
import { PINNED } from '../../scripts/setup/npm-package.mjs';

const root = resolve(import.meta.dirname, '..', '..');

const readJson = async <T>(path: string): Promise<T> =>
  JSON.parse(await readFile(join(root, path), 'utf8')) as T;

interface PackageFile {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}
interface LockFile {
  readonly packages: Readonly<
    Record<string, { dev?: boolean; hasInstallScript?: boolean; version?: string }>
  >;
}

/** A file and all that it imports by a relative path, as they lie in the checkout. */
async function closure(file: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(file)) return found;
  found.add(file);
  const text = await readFile(file, 'utf8');
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    await closure(join(dirname(file), target!), found);
  }
  return found;
}

/** What npm would pack of this checkout, without running anything. */
async function packedFiles(): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts'],
    { cwd: root, shell: process.platform === 'win32', maxBuffer: 2 ** 26 },
  );
  const [report] = JSON.parse(stdout) as { files: { path: string }[] }[];
  return report!.files.map(({ path }) => path);
}

describe('the package', () => {
  it('holds what it uses, and nothing that is of no use there', async () => {
    const files = await packedFiles();
    const setUp = [...(await closure(join(root, 'scripts', 'setup.mjs')))].map((file) =>
      relative(root, file).replaceAll('\\', '/'),
    );
    expect(setUp).toContain('src/base/lock.mjs');
    expect(files).toEqual(
      expect.arrayContaining([
        ...setUp,
        ...['scripts/setup/process.cc', 'scripts/setup/extract_wheel.py', 'README.md', 'LICENSE'],
        ...['pipelines/labels-to-video.yaml', 'samples/street.mp4', 'samples/street-labels.mkv'],
        ...['samples/street-palette.json', 'samples/meadow.mp4', 'samples/meadow.csv'],
        ...['schema/pipeline.schema.json', 'docs/install.md'],
        'dist/web/index.html',
      ]),
    );
    const useless = files.filter(
      (file) =>
        /\.map$|\.built-from$|\.modules$|tsconfig|\.test\./.test(file) ||
        /^(?!dist).*\.ts$/.test(file),
    );
    expect(useless).toEqual([]);
  });

  it('brings no install script along, and one TensorFlow.js for all of it', async () => {
    const { packages } = await readJson<LockFile>('package-lock.json');
    const installed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    const names = installed.map(([path]) => path.replace(/.*node_modules\//, ''));
    expect(names).not.toContain('@tensorflow/tfjs');
    // The page is built when the package is made.
    for (const name of ['vite', 'onnxruntime-web', 'playwright-core']) {
      expect(names).not.toContain(name);
    }
    expect(
      names.filter((name) => /ffmpeg-installer|ffprobe-installer|node-gyp/.test(name)),
    ).toEqual([]);

    // Set-up's binding, the backends and the core are made for each other.
    const { dependencies } = await readJson<PackageFile>('package.json');
    const { version } = PINNED['@tensorflow/tfjs-node']!;
    for (const name of ['core', 'backend-cpu', 'backend-wasm']) {
      expect(dependencies[`@tensorflow/tfjs-${name}`]).toBe(version);
    }
    expect(dependencies['onnxruntime-common']).toBe(PINNED['onnxruntime-node']!.version);
  });

  it('is made whole by npm pack', async () => {
    const { scripts } = await readJson<PackageFile>('package.json');
    expect(scripts.prepack).toBe('node scripts/prepack.mjs');
    // npm leaves prepack out where scripts are ignored.
    expect(await readFile(join(root, '.npmrc'), 'utf8')).not.toContain('ignore-scripts');
    const runtime = await readFile(join(root, 'scripts', 'setup', 'onnxruntime.mjs'), 'utf8');
    for (const machine of ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64']) {
      expect(runtime).toContain(`'${machine}': [`);
    }
  });
});

it('a picture is made of an .onnx by Node alone: no TensorFlow, Python, compiler or ffmpeg', async () => {
  const program = `
    import { createSynthesizer, openModel } from ${JSON.stringify(moduleAt('index'))};
    const model = await openModel('samples/street-outlines.onnx', { inThisThread: true });
    const synthesizer = await createSynthesizer(model);
    const rgb = await synthesizer.next(new Uint8Array(model.width * model.height).fill(9));
    const { sharedObjects } = process.report.getReport();
    const loaded = sharedObjects.filter((path) => /tensorflow|tfjs/i.test(path));
    console.log(JSON.stringify({ bytes: rgb.length, levels: new Set(rgb).size, loaded }));`;
  const words = [...NODE_WORDS, '--input-type=module', '--eval', program];
  // No other program is on the way, and none may be noted but ONNX Runtime.
  const env = { ...process.env, PATH: scratchPath('nothing'), FRAMELOOM_FFMPEG: undefined };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { cwd: root, env });
  const { bytes, levels, loaded } = JSON.parse(stdout) as {
    bytes: number;
    levels: number;
    loaded: string[];
  };
  expect([bytes, loaded, stderr]).toEqual([3 * 128 * 72, [], '']);
  expect(levels).toBeGreaterThan(20);
});

it('the gradients are those of the TensorFlow.js that is installed', async () => {
  const { gradients } = await import('../../scripts/generate/gradients.mjs');
  expect(await gradients()).toBe(
    await readFile(join(root, 'src', 'backend', 'gradients.mjs'), 'utf8'),
  );
});
