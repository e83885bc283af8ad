import { Option, type Command } from 'commander';
import { DEVICES, type Device } from '../../export/runtime.js';
import { pixelSize, snapshotChoice, wholeNumber } from '../values.js';

export interface EngineFlags {
  snapshot?: 'latest' | 'best' | number;
  engine?: 'auto' | 'onnx' | 'tensorflow';
  device?: Device;
  threads?: number;
  style?: string;
  styleSeed?: number;
  outputSize?: { readonly width: number; readonly height: number };
}

/** --snapshot, --engine, --device, --output-size, --style and --style-seed, the same for everything that runs a generator. */
export const addEngineFlags = (command: Command): Command =>
  command
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .addOption(
      new Option(
        '--engine <which>',
        'what runs it: onnx (the exported file), tensorflow, or auto: onnx where there is an export of the snapshot',
      ).choices(['auto', 'onnx', 'tensorflow']),
    )
    .addOption(
      new Option('--device <name>', 'where onnx runs it; cpu unless given').choices([...DEVICES]),
    )
    .option(
      '--output-size <WxH>',
      'make frames of another size than those of the training, where an exported file leaves it open',
      pixelSize,
    )
    .option(
      '--style <look>',
      'a clip of the training by its name, or a picture or video that looks so; of runs with generator.styleChannels',
    )
    .option(
      '--style-seed <number>',
      'draw a look between those of the training’s clips',
      wholeNumber,
    );
