import { join } from 'node:path';
import { ownCommand } from '../../../base/own-command.js';
import type { Context } from '../../terminal/context.js';
import { TRAIN_MINUTES } from '../../defaults.js';
import { evaluateRun, formatEvaluation } from '../evaluate/run.js';
import { EXIT } from '../../terminal/exit-code.js';
import { generateFromRun } from '../generate/run.js';
import { measured, packaged, presentDemo, type DemoFlags } from './training.js';

const FOLDER = join('runs', 'demo');

/** Trains, measures and shows. @returns the exit code */
export async function showDemo(context: Context, flags: DemoFlags): Promise<number> {
  const [video, strip] = [join(FOLDER, 'generated.mp4'), join(FOLDER, 'strip.png')];
  const { log } = context;
  const demo = {
    ...{ folder: FOLDER, pipeline: 'labels-to-video.yaml', settings: DEMO_SETTINGS },
    ...{ minutes: TRAIN_MINUTES, what: 'label maps in, a street out', words: ['demo'] },
  };
  await presentDemo(demo, flags, context, async (step) => {
    log.info('2/3 measuring it on frames that it never saw');
    const evaluation = await evaluateRun(FOLDER, { strip, overwrite: true }, context);
    log.info('3/3 generating the whole clip from its label maps');
    const input = packaged('samples', 'street-labels.mkv');
    const generated = await generateFromRun(
      FOLDER,
      { input, output: video, overwrite: true },
      context,
    );
    return [
      '# Frameloom demo',
      '',
      `A generator trained for ${step} steps turns label maps into a street, frame after frame, each made from its own last two.`,
      '',
      `- video: ${video} (${generated.frames} frames, generated from nothing but labels)`,
      `- picture: ${strip} (condition | generated | real, frames it never saw)`,
      `- run: ${FOLDER} (tensorboard --logdir ${join(FOLDER, 'events')})`,
      '',
      ...measured(evaluation, formatEvaluation(evaluation)),
      'Try next, with a video of your own:',
      '',
      `    ${ownCommand('train', 'edges-to-video', '--clip', 'VIDEO', '--max-minutes', '8')}`,
      `    ${ownCommand('evaluate', 'runs/00001-edges-to-video')}`,
      `    ${ownCommand('generate', 'runs/00001-edges-to-video', '-i', 'VIDEO', '-o', 'generated.mp4')}`,
      '',
    ];
  });
  return EXIT.ok;
}

/** What fits a first look: the smallest network, evaluated once, at the end. */
export const DEMO_SETTINGS = ['generator.preset=tiny', 'training.evaluateEverySteps=100000'];
