import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is loaded with a file of src, as long as nobody asks for more: packages by their names, own files by their paths. */
async function loadedWith(...files: readonly string[]): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    entryPoints: files.map((file) => join(root, 'src', file)),
    ...{ bundle: true, splitting: true, write: false, metafile: true, logLevel: 'error' },
    ...{ platform: 'node', format: 'esm', packages: 'external', outdir: 'out' },
    absWorkingDir: root,
  });
  const { inputs }: Metafile = metafile;
  const waiting = files.map((file) => `src/${file}`);
  const found = new Set<string>();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const { path, kind, external } of inputs[next]?.imports ?? []) {
      if (kind === 'dynamic-import') continue;
      if (external) found.add(path);
      else waiting.push(relative(root, join(root, path)));
    }
  }
  return found;
}

describe('what is loaded before', () => {
  it('words of the command line are read: nothing that reads pipelines or talks to ffmpeg', async () => {
    const loaded = await loadedWith('cli/start.ts');
    expect(loaded).toContain('src/cli/program.ts');
    for (const late of [
      '@tensorflow/tfjs-core',
      'zod',
      'yaml',
      'rxjs',
      'fluent-ffmpeg',
      'fast-png',
    ]) {
      expect(loaded).not.toContain(late);
    }
  });

  it('the first frame of a live page: neither TensorFlow.js nor what streams video', async () => {
    const loaded = await loadedWith(
      'cli/commands/live/run.ts',
      'serve/live-parts.ts',
      'serve/clips.ts',
    );
    expect(loaded).toContain('src/synthesis/engines/thread/model.ts');
    for (const late of ['@tensorflow/tfjs-core', 'rxjs', 'fluent-ffmpeg', 'fast-png']) {
      expect(loaded).not.toContain(late);
    }
  });

  it('ONNX Runtime in its thread: no schema', async () => {
    const loaded = await loadedWith('synthesis/engines/thread/main.ts');
    expect(loaded).toContain('src/export/runtime.ts');
    expect(loaded).not.toContain('zod');
  });
});
