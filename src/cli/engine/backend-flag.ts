import { Option, type Command } from 'commander';
import { BACKEND_CHOICES, type BackendChoice } from '../../backend/ladder.js';
import type { Context } from '../terminal/context.js';
import { provideNative } from './set-up.js';

export interface BackendFlags {
  backend?: BackendChoice;
}

/** --backend, for commands that train or measure. */
export const addBackendFlag = (command: Command): Command =>
  command.addOption(
    new Option(
      '--backend <name>',
      'TensorFlow.js on tensorflow, webgpu, wasm or cpu; without it, native TensorFlow is needed',
    ).choices([...BACKEND_CHOICES]),
  );

/**
 * Loads what --backend names.
 * @param how `native` where nothing but native TensorFlow will do unless another is named: it is then set up, where
 *   it is not there yet
 * @throws FrameloomError backend, cancelled
 */
export async function chooseBackend(
  flags: BackendFlags,
  context: Context,
  how: { native?: boolean } = {},
): Promise<void> {
  const { backend } = flags;
  const { log } = context;
  if (how.native) await provideNative(flags, context);
  const { useBackend } = await import('../../backend/index.js');
  await useBackend({ ...how, log, ...(backend !== undefined && { prefer: backend }) });
}
