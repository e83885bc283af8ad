import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { inBench, say } from '../support/files.js';
import { spreadText } from '../support/statistics.js';
import { makeClip, prepare } from './prepare.js';
import { pointText, type Point, type SynthesisSettings } from './settings.js';

const CLIP_FRAMES = 50;
/** Of a y4m's picture, which is 4:2:0. */
const BYTES_A_PIXEL = 1.5;

/** From starting the built program to the first whole frame on its standard output. */
export async function startUp(point: Point, { rounds, folder }: SynthesisSettings) {
  const program = inBench('../dist/cli/main.js');
  if (!existsSync(program)) throw new Error('there is no dist/: npm run build makes it');
  const { path } = await prepare(point, folder);
  const input = await makeClip(folder, point, CLIP_FRAMES);
  const frame = point.width * point.height * BYTES_A_PIXEL;
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const words = [program, '--quiet', 'generate', path, '-i', input, '-o', '-'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = new Promise<void>((done) => child.on('close', () => done()));
    let got = 0;
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
    await closed;
  }
  say(`${pointText(point)}: first frame after ${spreadText(seconds)} s`);
  return { ...point, seconds };
}
