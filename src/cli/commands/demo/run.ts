import { join } from 'node:path';
import { ownCommand } from '../../../base/own-command.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import type { Context } from '../../terminal/context.js';
import { TRAIN_MINUTES } from '../../defaults.js';
import { evaluateRun, formatEvaluation } from '../evaluate/run.js';
import { EXIT } from '../../terminal/exit-code.js';
import { generateFromRun } from '../generate/run.js';
import { earlierReport, packaged, trainDemo, type DemoFlags } from './training.js';

const FOLDER = join('runs', 'demo');

/** Trains, measures and shows. @returns the exit code */
export async function showDemo(context: Context, flags: DemoFlags): Promise<number> {
  const labels = packaged('samples', 'street-labels.mkv');
  const files = {
    video: join(FOLDER, 'generated.mp4'),
    strip: join(FOLDER, 'strip.png'),
    report: join(FOLDER, 'report.md'),
  };
  const { log, terminal } = context;
  const earlier = await earlierReport(files.report, FOLDER, context);
  if (earlier !== null) {
    terminal.out(earlier);
    return EXIT.ok;
  }
  const demo = {
    ...{ folder: FOLDER, pipeline: 'labels-to-video.yaml', settings: DEMO_SETTINGS },
    ...{ minutes: TRAIN_MINUTES, what: 'label maps in, a street out', words: ['demo'] },
  };
  const step = await trainDemo(demo, flags, context);
  log.info('2/3 measuring it on frames that it never saw');
  const evaluation = await evaluateRun(FOLDER, { strip: files.strip, overwrite: true }, context);
  log.info('3/3 generating the whole clip from its label maps');
  const generated = await generateFromRun(
    FOLDER,
    { input: labels, output: files.video, overwrite: true },
    context,
  );
  const report = [
    '# Frameloom demo',
    '',
    `A generator trained for ${step} steps turns label maps into a street, frame after frame, each made from its own last two.`,
    '',
    `- video: ${files.video} (${generated.frames} frames, generated from nothing but labels)`,
    `- picture: ${files.strip} (condition | generated | real, frames it never saw)`,
    `- run: ${FOLDER} (tensorboard --logdir ${join(FOLDER, 'events')})`,
    '',
    `On ${evaluation.frames} held-out frames, in closed loop:`,
    '',
    '```',
    formatEvaluation(evaluation).trimEnd(),
    '```',
    '',
    'Try next, with a video of your own:',
    '',
    `    ${ownCommand('train', 'edges-to-video', '--clip', 'VIDEO', '--max-minutes', '8')}`,
    `    ${ownCommand('evaluate', 'runs/00001-edges-to-video')}`,
    `    ${ownCommand('generate', 'runs/00001-edges-to-video', '-i', 'VIDEO', '-o', 'generated.mp4')}`,
    '',
  ].join('\n');
  await writeFileAtomic(files.report, report);
  terminal.out(report);
  return EXIT.ok;
}

/** What fits a first look: the smallest network, evaluated once, at the end. */
export const DEMO_SETTINGS = ['generator.preset=tiny', 'training.evaluateEverySteps=100000'];
