import { Command } from 'commander';
import { registerCheck } from './commands/check/flags.js';
import type { Register, Run } from './command.js';
import type { GlobalFlags } from './terminal/context.js';
import { registerDoctor } from './commands/doctor/flags.js';
import { registerDemo } from './commands/demo/flags.js';
import { registerEvaluate } from './commands/evaluate/flags.js';
import { registerExport } from './commands/export/flags.js';
import { registerGenerate } from './commands/generate/flags.js';
import { registerInfo } from './commands/info/flags.js';
import { registerInit } from './commands/init/flags.js';
import { registerLive } from './commands/live/flags.js';
import { registerPlan } from './commands/plan/flags.js';
import { registerRecord } from './commands/record/flags.js';
import { registerRuns } from './commands/runs/flags.js';
import { registerSample } from './commands/sample/flags.js';
import { registerSchema } from './commands/schema/flags.js';
import { registerSetup } from './commands/setup/flags.js';
import { registerSweep } from './commands/sweep/flags.js';
import { registerTrain } from './commands/train/flags.js';
import { registerWorker } from './commands/worker/flags.js';

const COMMANDS: readonly Register[] = [
  registerTrain,
  registerGenerate,
  registerWorker,
  registerSample,
  registerLive,
  registerRecord,
  registerEvaluate,
  registerExport,
  registerInfo,
  registerRuns,
  registerInit,
  registerCheck,
  registerPlan,
  registerSweep,
  registerDemo,
  registerSetup,
  registerDoctor,
  registerSchema,
];

const HELP = `
Examples:
  $ frameloom check edges-to-video --clip holiday.mp4
  $ frameloom train edges-to-video --clip holiday.mp4 --max-minutes 8
  $ frameloom evaluate runs/00001-edges-to-video
  $ frameloom generate runs/00001-edges-to-video -i other.mp4 -o generated.mp4

Exit codes: 0 done, 1 failed, 2 usage or bad input, 130 cancelled (143 by SIGTERM, 129 by SIGHUP).`;

/** The command line's whole grammar. */
export function buildProgram(version: string, run: Run): Command {
  const program = new Command('frameloom')
    .description('Trains and runs video-sequence GANs: video in, generated video out.')
    .version(version)
    .option('-v, --verbose', 'say more')
    .option('-q, --quiet', 'say nothing but errors and results')
    .option('--log-json', 'one JSON object a line on standard error, for programs')
    .showSuggestionAfterError()
    .addHelpText('after', HELP);
  for (const register of COMMANDS) register(program, run);
  return program;
}

/** The global flags, wherever on the line they stood. */
export const globalFlags = (command: Command): GlobalFlags =>
  command.optsWithGlobals<GlobalFlags>();
