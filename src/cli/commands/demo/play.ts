import { join } from 'node:path';
import { ownCommand } from '../../../base/own-command.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { PLAY_MINUTES } from '../../defaults.js';
import { EXIT } from '../../terminal/exit-code.js';
import type { Context } from '../../terminal/context.js';
import { formatObedience } from '../evaluate/behaviour-text.js';
import { evaluateRun, formatEvaluation } from '../evaluate/run.js';
import { runLive } from '../live/run.js';
import { earlierReport, trainDemo, type DemoFlags } from './training.js';

const FOLDER = join('runs', 'demo-play');

/** Opens the world where somebody sits at the terminal; the report says how elsewhere. @returns the exit code */
function openWorld(context: Context): Promise<number> | number {
  if (!context.terminal.interactive) return EXIT.ok;
  context.log.info('3/3 opening it: the arrow keys run left and right, space jumps, down ducks');
  return runLive(FOLDER, { open: true }, context);
}

/** Trains on a game, measures whether it does what it is told, and opens it to be played. @returns the exit code */
export async function showPlayDemo(context: Context, flags: DemoFlags): Promise<number> {
  const files = {
    video: join(FOLDER, 'played.mp4'),
    strip: join(FOLDER, 'strip.png'),
    report: join(FOLDER, 'report.md'),
  };
  const { log, terminal } = context;
  const earlier = await earlierReport(files.report, FOLDER, context);
  if (earlier !== null) {
    terminal.out(earlier);
    return openWorld(context);
  }
  const demo = {
    ...{ folder: FOLDER, pipeline: 'actions-to-video.yaml', settings: PLAY_SETTINGS },
    ...{ minutes: PLAY_MINUTES, what: 'key presses in, a game out', words: ['demo', '--play'] },
  };
  const step = await trainDemo(demo, flags, context);
  log.info('2/3 playing it by keys that it never saw, and measuring whether it does what they say');
  const { strip, video } = files;
  const evaluation = await evaluateRun(FOLDER, { strip, video, overwrite: true }, context);
  const report = [
    '# Frameloom demo: a game',
    '',
    `A generator trained for ${step} steps makes a game from key presses alone, frame after frame, each made from its own last one. Nothing of the game's program is left: it was learned from three minutes of video and the keys that were held down.`,
    '',
    `- play it: \`${ownCommand('live', FOLDER)}\` (the arrow keys run left and right, space jumps, down ducks)`,
    `- video: ${video} (generated | real, by keys that it never saw)`,
    `- picture: ${strip} (generated | real)`,
    `- run: ${FOLDER} (tensorboard --logdir ${join(FOLDER, 'events')})`,
    '',
    `On ${evaluation.frames} held-out frames, in closed loop:`,
    '',
    '```',
    formatEvaluation(evaluation).trimEnd(),
    '',
    ...(evaluation.obedience ? [formatObedience(evaluation.obedience).trimEnd()] : []),
    '```',
    '',
    'Try next, with a recording of your own and the keys beside it in VIDEO.csv:',
    '',
    `    ${ownCommand('train', 'actions-to-video', '--clip', 'VIDEO', '--max-minutes', '30')}`,
    '',
  ].join('\n');
  await writeFileAtomic(files.report, report);
  terminal.out(report);
  return openWorld(context);
}

/**
 * What fits a first look: the smallest network, evaluated once, at the end. Of the meadow the last frame and the keys tell
 * the next, so one of each is shown: who sees how it moved goes on as it moved, whatever the keys say. Two windows a
 * step, in which different keys are held.
 */
export const PLAY_SETTINGS = [
  ...['generator.preset=tiny', 'generator.historyFrames=1', 'generator.conditionFrames=1'],
  'generator.flowScalePixels=4',
  ...['training.batch=2', 'training.frames=3', 'training.rollout.startFrames=3'],
  'training.warmUp={frames: 12, fraction: 0.5, fromStep: 20%}',
  'training.histories={pool: 16, fraction: 0.4, oldestFrames: 128, fromStep: 35%}',
  ...['training.optimizer.generatorLearningRate=0.002', 'training.evaluateEverySteps=100000'],
];
