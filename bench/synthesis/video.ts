import { join } from 'node:path';
import { generateVideo, openOnnxModel, openThreadedModel } from '../../src/synthesis/index.js';
import { say } from '../support/files.js';
import { spreadText } from '../support/statistics.js';
import { makeClip, prepare, secondsOf, secondsPerFrame } from './prepare.js';
import { framesAt, pointText, type Point, type SynthesisSettings } from './settings.js';

/**
 * File to file, as `frameloom generate` does it once it is loaded: decode, outline, generate,
 * encode, everything from opening the input to the finished file. Beside it, by turns, the generator
 * alone.
 */
export async function fileToFile(
  point: Point,
  { rounds, folder, frames: base }: SynthesisSettings,
) {
  const { path } = await prepare(point, folder);
  const frames = framesAt(point, 10 * base, 50);
  const input = await makeClip(folder, point, frames);
  const [alone, threaded] = [await openOnnxModel(path), await openThreadedModel(path)];
  const condition = new Uint8Array(point.width * point.height);
  const ofGeneratorAlone: number[] = [];
  const framesPerSecond: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const generator = alone.open();
    const bare = await secondsPerFrame(() => generator.next(condition), frames);
    generator.dispose();
    const synthesizer = threaded.open();
    const output = join(folder, 'out.mp4');
    const whole = await secondsOf(() =>
      generateVideo(threaded, {
        input,
        output,
        startFrames: 0,
        baseFolder: folder,
        synthesizer,
        overwrite: true,
      }),
    );
    synthesizer.dispose();
    ofGeneratorAlone.push((bare * frames) / whole);
    framesPerSecond.push(frames / whole);
  }
  await Promise.all([alone.release(), threaded.release()]);
  say(
    `${pointText(point)}: file to file ${spreadText(framesPerSecond, 1)} frames/s, ${spreadText(ofGeneratorAlone)} of the generator alone`,
  );
  return { ...point, frames, framesPerSecond, ofGeneratorAlone };
}
