import { join } from 'node:path';
import { ownCommand } from '../../../base/own-command.js';
import { PLAY_MINUTES } from '../../defaults.js';
import { EXIT } from '../../terminal/exit-code.js';
import type { Context } from '../../terminal/context.js';
import { formatObedience } from '../evaluate/behaviour-text.js';
import { evaluateRun, formatEvaluation } from '../evaluate/run.js';
import { runLive } from '../live/run.js';
import { measured, presentDemo, type DemoFlags } from './training.js';

const FOLDER = join('runs', 'demo-play');

/** Opens the world where somebody sits at the terminal; the report says how elsewhere. @returns the exit code */
function openWorld(context: Context): Promise<number> | number {
  if (!context.terminal.interactive) return EXIT.ok;
  context.log.info('3/3 opening it: the arrow keys run left and right, space jumps, down ducks');
  return runLive(FOLDER, { open: true }, context);
}

/** Trains on a game, measures whether it does what it is told, and opens it to be played. @returns the exit code */
export async function showPlayDemo(context: Context, flags: DemoFlags): Promise<number> {
  const [video, strip] = [join(FOLDER, 'played.mp4'), join(FOLDER, 'strip.png')];
  const demo = {
    ...{ folder: FOLDER, pipeline: 'actions-to-video.yaml', settings: PLAY_SETTINGS },
    ...{ minutes: PLAY_MINUTES, what: 'key presses in, a game out', words: ['demo', '--play'] },
  };
  await presentDemo(demo, flags, context, async (step) => {
    context.log.info(
      '2/3 playing it by keys that it never saw, and measuring whether it does what they say',
    );
    const evaluation = await evaluateRun(FOLDER, { strip, video, overwrite: true }, context);
    const { obedience } = evaluation;
    return [
      '# Frameloom demo: a game',
      '',
      `A generator trained for ${step} steps makes a game from key presses alone, frame after frame, each made from its own last one. Nothing of the game's program is left: it was learned from three minutes of video and the keys that were held down.`,
      '',
      `- play it: \`${ownCommand('live', FOLDER)}\` (the arrow keys run left and right, space jumps, down ducks)`,
      `- video: ${video} (generated | real, by keys that it never saw)`,
      `- picture: ${strip} (generated | real)`,
      `- run: ${FOLDER} (tensorboard --logdir ${join(FOLDER, 'events')})`,
      '',
      ...measured(
        evaluation,
        formatEvaluation(evaluation),
        ...(obedience ? [formatObedience(obedience)] : []),
      ),
      'Try next, with a recording of your own and the keys beside it in VIDEO.csv:',
      '',
      `    ${ownCommand('train', 'actions-to-video', '--clip', 'VIDEO', '--max-minutes', '30')}`,
      '',
    ];
  });
  return openWorld(context);
}

/**
 * What fits a first look. Of the meadow the last frame and the keys tell the next, so one of each is shown: who sees how it
 * moved goes on as it moved, whatever the keys say. Everything of it is in sight and moves by whole pixels, so copies are exact.
 * A small discriminator sees the whole frame, for a tenth of the steps: that the fox is missing shows in no smaller patch, and no other
 * loss asks for it where nobody knows how high it was. First the next frame is learned, of as many different moments as there is time
 * for; then what its own frames ask for.
 */
export const PLAY_SETTINGS = [
  ...['generator.preset=tiny', 'generator.channels=16', 'generator.historyFrames=1'],
  ...['generator.conditionFrames=1', 'generator.flowScalePixels=4'],
  ...['generator.skip=true', 'generator.exactCopies=true'],
  'frameDiscriminator={channels: 8, layers: 4, scales: 1, judgeRaw: false}',
  ...['losses.frameAdversarial=4', 'losses.sequenceAdversarial=0', 'losses.featureMatching=5'],
  ...['losses.mismatchedActions=0', 'losses.flowTeacher=0', 'losses.moving=10'],
  ...['training.batch=4', 'training.frames=2'],
  'training.rollout={startFrames: 1, growEverySteps: 60%}',
  ...['training.historyNoise=0.1', 'training.actions.dropFraction=0.02'],
  ...['training.coldStartFraction=0.02', 'training.warmUp={fraction: 0}'],
  'training.histories={pool: 32, fraction: 0.5, oldestFrames: 48, fromStep: 40%}',
  ...['training.optimizer.generatorLearningRate=0.002', 'training.evaluateEverySteps=100000'],
];
