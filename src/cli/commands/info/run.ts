import { stat } from 'node:fs/promises';
import { FrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { filesOf } from '../../../video/sequence.js';
import type { Context } from '../../terminal/context.js';
import { isModelWord } from '../../taken-word.js';
import type { Told } from './told.js';

/**
 * Says what a video, a run or an exported file is.
 * @throws FrameloomError not-found, bad-input for what is none of them, bad-option for a pipeline
 */
export async function inform(place: string, context: Context): Promise<Told> {
  if (/\.onnx$/i.test(place)) {
    const { informOfExport } = await import('./model.js');
    return informOfExport(place);
  }
  const isFolder = await stat(place).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (isFolder && isModelWord(place)) {
    const { informOfRun } = await import('./model.js');
    return informOfRun(place);
  }
  if (isFolder && (await filesOf(place).catch(() => [place])).length === 0) {
    throw new FrameloomError(
      'bad-input',
      `${place} is a folder without a run and without pictures`,
      {
        path: place,
        hint: `name a video, a folder of pictures, or a run: ${ownCommand('runs', place)} lists those in it`,
      },
    );
  }
  if (/\.ya?ml$/i.test(place)) {
    throw new FrameloomError('bad-option', `${place} is a pipeline, not a video`, {
      hint: `${ownCommand('check', place)} says what it trains on`,
    });
  }
  const { informOfVideo } = await import('./video.js');
  return informOfVideo(place, context);
}
