import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import type { SynthesisModel } from '../../src/synthesis/index.js';
import { findFfmpeg } from '../../src/video/index.js';
import { inBench } from '../support/files.js';
import type { Size } from '../support/settings.js';
import type { Point } from './settings.js';

/** An untrained generator of the edges pipeline at a size, exported; speed needs no training. */
export async function prepare(
  point: Point,
  folder: string,
): Promise<{ model: SynthesisModel & { pipeline: Pipeline }; path: string }> {
  const { preset, width, height } = point;
  const { pipeline } = await loadPipeline(inBench('../pipelines/edges-to-video.yaml'), {
    set: [`generator.preset=${preset}`, `data.size=${width}x${height}`],
  });
  const generator = createGenerator(generatorOptions.parse({ preset }), 1);
  const model = {
    generator,
    weights: generator.layout.initialize(1),
    seed: 1,
    step: 0,
    data: pipeline.data,
    layout: {
      ...({ kind: 'derived', content: 'image', channels: 1, bytesPerPixel: 1 } as const),
      ...{ classNames: [], followsColour: false },
    },
    pipeline,
  };
  const path = join(folder, `${preset}-${width}x${height}.onnx`);
  if (!existsSync(path)) {
    await useBackend();
    const baseFolder = inBench('../pipelines');
    await exportGenerator(model, path, { baseFolder });
  }
  return { model, path };
}

/** Runs a program that says nothing unless something is wrong. */
export async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

/** ffmpeg's moving test picture as H.264. @returns its path */
export async function makeClip(folder: string, size: Size, frames: number): Promise<string> {
  const { width, height } = size;
  const path = join(folder, `clip-${width}x${height}-${frames}.mp4`);
  if (existsSync(path)) return path;
  const { ffmpegPath } = await findFfmpeg();
  const source = `testsrc2=size=${width}x${height}:rate=25`;
  await run(ffmpegPath, [
    ...['-v', 'error', '-f', 'lavfi', '-i', source, '-frames:v', String(frames)],
    ...['-pix_fmt', 'yuv420p', '-y', path],
  ]);
  return path;
}

/** Seconds a frame of anything that makes frames, after two that warm up. */
export async function secondsPerFrame(
  next: () => Promise<unknown>,
  frames: number,
): Promise<number> {
  for (let i = 0; i < 2; i += 1) await next();
  const started = performance.now();
  for (let i = 0; i < frames; i += 1) await next();
  return (performance.now() - started) / 1000 / frames;
}

/** Seconds that something takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
