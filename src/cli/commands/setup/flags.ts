import type { Command } from 'commander';
import type { Register } from '../../command.js';
import type { SetupFlags } from './run.js';

/** `frameloom setup` */
export const registerSetup: Register = (program, run) => {
  program
    .command('setup')
    .description('provide native TensorFlow, which training needs, once a machine')
    .option('--ffmpeg', 'instead, fetch an ffmpeg from npm, for where none is installed')
    .option('--webgpu', 'instead, fetch WebGPU from npm, to train on any graphics card')
    .addHelpText(
      'after',
      `
It takes Python 3 with pip to download TensorFlow (about 260 MB) and a C++ compiler; generating from
exported files needs neither. FRAMELOOM_CACHE names where things are kept; docs/install.md has the rest.

Examples:
  $ frameloom setup
  $ frameloom setup --ffmpeg
  $ frameloom setup --webgpu`,
    )
    .action((flags: SetupFlags, command: Command) =>
      run(async (context) => {
        const { setUp } = await import('./run.js');
        return setUp(flags, context);
      }, command),
    );
};
