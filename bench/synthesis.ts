/**
 * How fast is generating? Exports generators of each size with untrained weights (speed does not
 * depend on them) and times, by turns in one run: Frameloom's generator on ONNX Runtime and on
 * TensorFlow.js, PyTorch eager and compiled, ONNX Runtime from Python; then whole videos, file to
 * file, the time to the first frame, and passing frames through against a bare pair of ffmpegs.
 *
 *   npx tsx bench/synthesis.ts [--rounds 5] [--frames 40] [--presets tiny,small,base]
 *     [--sizes 128x72,256x144,512x256] [--only generator,video,start,identity] [--python PATH]
 *
 * Writes bench/results/synthesis.json.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { useBackend } from '../src/backend/index.js';
import { rational } from '../src/base/rational.js';
import { exportGenerator } from '../src/export/index.js';
import { createGenerator, generatorOptions } from '../src/networks/index.js';
import { loadPipeline } from '../src/pipeline/load.js';
import {
  createOnnxSynthesizer,
  createSynthesizer,
  generateVideo,
  openOnnxModel,
  type SynthesisModel,
} from '../src/synthesis/index.js';
import { decodeFrames, encodeFrames, findFfmpeg } from '../src/video/index.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    frames: { type: 'string', default: '40' },
    presets: { type: 'string', default: 'tiny,small,base' },
    sizes: { type: 'string', default: '128x72,256x144,512x256' },
    only: { type: 'string', default: 'generator,video,start,identity' },
    python: { type: 'string', default: here('.venv/bin/python') },
  },
});
const rounds = Number(values.rounds);
const only = new Set(values.only.split(','));

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
};
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const spread = (numbers: readonly number[]): string =>
  `${median(numbers).toFixed(2)} (${Math.min(...numbers).toFixed(2)}–${Math.max(...numbers).toFixed(2)})`;

/** A Python process that answers one JSON line with another. */
function startWorker(python: string) {
  const child: ChildProcess = spawn(python, [here('peers/synthesis_worker.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const ended = new Promise<never>((_, fail) => {
    child.on('error', fail);
    child.on('close', (code) => fail(new Error(`the Python side ended with ${code}`)));
  });
  ended.catch(() => undefined);
  return {
    async ask(question: object): Promise<{ seconds?: number; skipped?: string }> {
      child.stdin!.write(`${JSON.stringify(question)}\n`);
      const line: IteratorResult<string> = await Promise.race([lines.next(), ended]);
      return JSON.parse(line.value as string) as { seconds?: number; skipped?: string };
    },
    stop: () => child.stdin!.end(),
  };
}

interface Point {
  readonly preset: string;
  readonly width: number;
  readonly height: number;
}

/** An untrained generator of the edges pipeline at a size, exported. */
async function prepare(point: Point, folder: string) {
  const { preset, width, height } = point;
  const { pipeline } = await loadPipeline(here('../pipelines/edges-to-video.yaml'), {
    set: [`generator.preset=${preset}`, `data.size=${width}x${height}`],
  });
  const generator = createGenerator(generatorOptions.parse({ preset }), 1);
  const model: SynthesisModel & { pipeline: typeof pipeline } = {
    generator,
    weights: generator.layout.initialize(1),
    seed: 1,
    step: 0,
    data: pipeline.data,
    layout: {
      ...{ kind: 'derived', content: 'image', channels: 1, bytesPerPixel: 1 },
      ...{ classNames: [], followsColour: false },
    },
    pipeline,
  };
  const path = join(folder, `${preset}-${width}x${height}.onnx`);
  await exportGenerator(model, path, { baseFolder: here('../pipelines') });
  return { model, path };
}

/** Seconds a frame of anything that makes frames, after two that warm up. */
async function time(next: () => Promise<unknown>, frames: number): Promise<number> {
  for (let i = 0; i < 2; i += 1) await next();
  const started = performance.now();
  for (let i = 0; i < frames; i += 1) await next();
  return (performance.now() - started) / 1000 / frames;
}

async function makeClip(path: string, { width, height }: Point, frames: number): Promise<void> {
  const { ffmpegPath } = await findFfmpeg();
  const source = `testsrc2=size=${width}x${height}:rate=25`;
  await run(ffmpegPath, [
    ...['-v', 'error', '-f', 'lavfi', '-i', source, '-frames:v', String(frames), '-y', path],
  ]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

type Row = Record<string, number[]>;

async function generatorRows(point: Point, folder: string, worker: ReturnType<typeof startWorker>) {
  const { model, path } = await prepare(point, folder);
  const { width, height, preset } = point;
  const pixels = width * height;
  const frames = Math.max(5, Math.round((Number(values.frames) * 128 * 72) / pixels));
  const condition = new Uint8Array(pixels).map((_, i) => (i % 17 === 0 ? 255 : 0));
  const onnx = await openOnnxModel(path);
  const ours = createOnnxSynthesizer(onnx);
  const tfjs = createSynthesizer(model);
  const seconds: Row = {};
  const add = (name: string, value: number): void => void (seconds[name] ??= []).push(value);
  const skipped = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    add('frameloom', await time(() => ours.next(condition), frames));
    for (const kind of ['onnxruntime', 'eager', 'compile']) {
      const answer = await worker.ask({ kind, path, preset, width, height, frames });
      if (answer.seconds !== undefined) add(`python ${kind}`, answer.seconds);
      else skipped.add(`${kind}: ${answer.skipped}`);
    }
    add('tensorflow.js', await time(() => tfjs.next(condition), Math.max(3, frames / 4)));
  }
  tfjs.dispose();
  ours.dispose();
  await onnx.release();
  const mine = seconds.frameloom!;
  say(`\n${preset} ${width}x${height}: ${(1 / median(mine)).toFixed(1)} frames/s on ONNX Runtime`);
  for (const [name, other] of Object.entries(seconds)) {
    if (name === 'frameloom') continue;
    const ratios = other.map((value, i) => value / mine[i]!);
    say(
      `  ${name.padEnd(20)} ${(median(other) * 1000).toFixed(1).padStart(8)} ms/frame, Frameloom is ${spread(ratios)} times as fast`,
    );
  }
  for (const why of skipped) say(`  left out: ${why}`);
  return { ...point, frames, seconds };
}

async function videoRow(point: Point, folder: string) {
  const { model, path } = await prepare(point, folder);
  const { width, height, preset } = point;
  const frames = Math.max(50, Math.round((400 * 128 * 72) / (width * height)));
  const input = join(folder, `in-${width}x${height}.mp4`);
  await makeClip(input, point, frames);
  const onnx = await openOnnxModel(path);
  const condition = new Uint8Array(width * height);
  const ratios: number[] = [];
  const speeds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const synthesizer = createOnnxSynthesizer(onnx);
    const alone = await time(() => synthesizer.next(condition), frames);
    synthesizer.reset();
    const started = performance.now();
    await generateVideo(model, {
      ...{
        input,
        output: join(folder, 'out.mp4'),
        startFrames: 0,
        baseFolder: folder,
        synthesizer,
      },
    });
    const whole = (performance.now() - started) / 1000 / frames;
    ratios.push(alone / whole);
    speeds.push(1 / whole);
  }
  await onnx.release();
  say(
    `${preset} ${width}x${height}: file to file ${spread(speeds)} frames/s, ${spread(ratios)} of the generator alone`,
  );
  return { ...point, frames, framesPerSecond: speeds, ofGeneratorAlone: ratios };
}

/** From starting the program to the first frame on its standard output. */
async function startUp(point: Point, folder: string) {
  const { path } = await prepare(point, folder);
  const input = join(folder, `in-${point.width}x${point.height}.mp4`);
  await makeClip(input, point, 50);
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const child = spawn(
      process.execPath,
      [here('../dist/cli/main.js'), '--quiet', 'generate', path, '-i', input, '-o', '-'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let got = 0;
    const frame = point.width * point.height * 1.5;
    await new Promise<void>((done, fail) => {
      child.on('error', fail);
      child.on('close', () => fail(new Error('generate ended before its first frame')));
      child.stdout.on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got >= frame) done();
      });
    });
    seconds.push((performance.now() - started) / 1000);
    child.stdout.destroy();
    await new Promise((done) => child.on('close', done));
  }
  say(`${point.preset} ${point.width}x${point.height}: first frame after ${spread(seconds)} s`);
  return { ...point, seconds };
}

/** Frames through us untouched, against ffmpeg piped into ffmpeg. */
async function identity(point: Point, folder: string) {
  const frames = 1500;
  const input = join(folder, `long-${point.width}x${point.height}.mp4`);
  await makeClip(input, point, frames);
  const { ffmpegPath } = await findFfmpeg();
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let started = performance.now();
    const bare = join(folder, 'bare.mp4');
    await run('sh', [
      '-c',
      `"${ffmpegPath}" -v error -i "${input}" -f yuv4mpegpipe - | "${ffmpegPath}" -v error -f yuv4mpegpipe -i - -c:v libx264 -y "${bare}"`,
    ]);
    const theirs = performance.now() - started;
    started = performance.now();
    await lastValueFrom(
      decodeFrames(input).pipe(encodeFrames(join(folder, 'through.mp4'), { fps: rational(25) })),
    );
    ratios.push(theirs / (performance.now() - started));
  }
  say(
    `${point.width}x${point.height}: passing through at ${spread(ratios)} of a bare ffmpeg | ffmpeg`,
  );
  return { width: point.width, height: point.height, frames, ratios };
}

const folder = await mkdtemp(join(tmpdir(), 'frameloom-bench-'));
const worker = only.has('generator') ? startWorker(values.python) : undefined;
try {
  await useBackend();
  const points = values.presets.split(',').flatMap((preset) =>
    values.sizes.split(',').map((size): Point => {
      const [width, height] = size.split('x').map(Number);
      return { preset, width: width!, height: height! };
    }),
  );
  const report: Record<string, unknown[]> = {};
  const measure = async (
    name: string,
    list: readonly Point[],
    f: (p: Point) => Promise<unknown>,
  ) => {
    if (!only.has(name)) return;
    say(`\n# ${name}`);
    for (const point of list) (report[name] ??= []).push(await f(point));
  };
  const sizes = points.filter(({ preset }) => preset === points[0]!.preset);
  await measure('generator', points, (point) => generatorRows(point, folder, worker!));
  await measure('video', points, (point) => videoRow(point, folder));
  await measure('start', [points[0]!], (point) => startUp(point, folder));
  await measure('identity', sizes, (point) => identity(point, folder));
  await mkdir(here('results'), { recursive: true });
  await writeFile(here('results/synthesis.json'), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  worker?.stop();
  await rm(folder, { recursive: true, force: true });
}
