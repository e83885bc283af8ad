import type { Command } from 'commander';
import type { Register } from '../../command.js';
import type { EvaluateFlags } from './asked.js';
import { refuseIdle } from '../../idle-options.js';
import { refuseExported } from '../../taken-word.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { counted } from '../../../base/units.js';
import { countingNumber, longRolloutFrames, snapshotChoice } from '../../values.js';

/** Enough for measures that no more clips would change much, and made in minutes. */
const MOST_FRAMES = 2000;

/** `frameloom evaluate` */
export const registerEvaluate: Register = (program, run) => {
  const command = program
    .command('evaluate')
    .description(
      'measure a run on frames held out of training, in closed loop, with baselines; or compare several on the same frames',
    )
    .argument('<run...>', 'folder of a run; several are compared')
    .option('-i, --input <video>', 'another video instead of what was held out')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .option(
      '--max-frames <count>',
      `frames scored of all clips together at most; ${MOST_FRAMES} unless given`,
      countingNumber,
    )
    .option(
      '--long-frames <count>',
      'frames of the rollout that shows whether it drifts; 240 unless given',
      longRolloutFrames,
    )
    .option(
      '--strip <png>',
      'where the picture goes; evaluation.png in the run unless given, of several runs none',
    )
    .option(
      '--video <file>',
      'a video of all scored frames: condition | generated, of each run | real',
    )
    .option(
      '--report <html>',
      'a page with measures, pictures, curves and settings, all in one file',
    );
  addNetworkFlags(addBackendFlag(addTrustFlag(addOverwriteFlag(command))))
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom evaluate runs/00001-edges-to-video
  $ frameloom evaluate runs/00001-edges-to-video -i other.mp4 --json
  $ frameloom evaluate runs/00001-mine runs/00002-mine --report compared.html --video compared.mp4
  $ frameloom evaluate runs/00001-mine --lpips lpips-alex.onnx --features inception.onnx`,
    )
    .action((folders: string[], given: EvaluateFlags, self: Command) =>
      run(async (context) => {
        for (const folder of folders) refuseExported(folder, 'is evaluated');
        refuseIdle({
          ...{ option: '--overwrite', given: given.overwrite },
          why:
            given.strip === undefined &&
            given.video === undefined &&
            given.report === undefined &&
            'without --strip, --video or --report: the run’s own picture is always made anew',
        });
        const flags = { ...given, maxFrames: given.maxFrames ?? MOST_FRAMES };
        await (folders.length === 1
          ? evaluate(folders[0]!, flags, context)
          : compare(folders, flags, context));
        return EXIT.ok;
      }, self),
    );
};

const NETWORK_FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--lpips <onnx>', 'a network that tells how far two pictures are apart: LPIPS and tLP'],
  ['--features <onnx>', 'one that gives features of a picture: KID and FID'],
  ['--video-features <onnx>', 'one that gives features of a window of frames: KVD and FVD'],
  [
    '--segmenter <onnx>',
    'one that sees classes: those in generated frames against those in the real ones; with the classes of the run also against its label maps, for which no segmenter is trained then',
  ],
];

/** Files of networks that look at frames. */
const addNetworkFlags = (command: Command): Command =>
  NETWORK_FLAGS.reduce((all, [flag, help]) => all.option(flag, help), command);

/** Which frames the numbers are of, as the first line says it. */
function scoredWords(scored: { frames: number; framesThere: number; segments: number }): string {
  const { frames, framesThere, segments } = scored;
  const some =
    frames < framesThere
      ? ` (of ${framesThere}, spread over all clips; more with --max-frames)`
      : '';
  return `${frames} held-out frames in ${counted(segments, 'segment')}, closed loop${some}\n`;
}

async function evaluate(folder: string, flags: EvaluateFlags, { terminal, ...context }: Context) {
  const { evaluateRun, formatEvaluation } = await import('./run.js');
  const { formatBehaviour, formatFaithfulness, formatObedience } =
    await import('./behaviour-text.js');
  const { networkNotes } = await import('./network-words.js');
  const evaluated = await evaluateRun(folder, flags, { terminal, ...context });
  const { rows, segments, frames, framesThere, behaviour, faithfulness, obedience, step } =
    evaluated;
  const { networks, stripPath } = evaluated;
  const { video, report } = flags;
  if (flags.json) {
    const files = { strip: stripPath, video: video ?? null, report: report ?? null };
    terminal.out(
      `${JSON.stringify({ step, segments, frames, framesThere, rows, faithfulness, obedience, behaviour, networks, ...files })}\n`,
    );
    return;
  }
  terminal.out(`step ${step}, ${scoredWords(evaluated)}`);
  terminal.out(`${formatEvaluation({ rows })}\n`);
  if (faithfulness) terminal.out(formatFaithfulness(faithfulness));
  if (obedience) terminal.out(formatObedience(obedience));
  if (behaviour) terminal.out(`${formatBehaviour(behaviour)}\n`);
  for (const note of networkNotes(networks)) terminal.out(`${note}\n`);
  if (stripPath !== null) terminal.out(`condition | generated | real: ${stripPath}\n`);
  if (video !== undefined) terminal.out(`the same as a video: ${video}\n`);
  if (report !== undefined) terminal.out(`report: ${report}\n`);
}

async function compare(folders: readonly string[], flags: EvaluateFlags, context: Context) {
  const { compareRuns } = await import('./compare.js');
  const { comparisonJson, formatComparison } = await import('./comparison-text.js');
  const comparison = await compareRuns(folders, flags, context);
  const { terminal } = context;
  const { strip, video, report } = flags;
  if (flags.json) {
    const files = { strip: strip ?? null, video: video ?? null, report: report ?? null };
    terminal.out(`${JSON.stringify({ ...comparisonJson(comparison), ...files })}\n`);
    return;
  }
  const columns = comparison.columns.join(' | ');
  terminal.out(scoredWords(comparison));
  terminal.out(`${formatComparison(comparison)}\n`);
  if (strip !== undefined) terminal.out(`${columns}: ${strip}\n`);
  if (video !== undefined) {
    terminal.out(`${strip === undefined ? columns : 'the same as a video'}: ${video}\n`);
  }
  if (report !== undefined) terminal.out(`report: ${report}\n`);
}
