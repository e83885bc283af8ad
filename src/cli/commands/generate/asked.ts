import { FrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { isModelWord, takeBack } from '../../taken-word.js';
import { refuseMixedFlags, type DatasetFlags } from './dataset-flags.js';
import type { GenerateAnyFlags } from './run.js';

/** What is given on the line, where nothing need be there yet. */
export type GenerateWords = Omit<GenerateAnyFlags, 'output'> &
  DatasetFlags & { readonly output?: string };

/** What is to be made: videos, or a data set. */
export type Asked = { readonly place: string } & (
  | { readonly into: 'videos'; readonly flags: GenerateAnyFlags }
  | { readonly into: 'dataset'; readonly flags: GenerateWords & { readonly dataset: string } }
);

/**
 * The model and what is to be made of what, wherever on the line they stood.
 * @throws FrameloomError bad-option that names all that is missing, or a flag that means nothing here
 */
export function askedOf(place: string | undefined, given: GenerateWords): Asked {
  const { word, values } = takeBack({
    ...{ word: place, values: given.input },
    ...{ what: 'run', flag: '-i', isIt: isModelWord },
  });
  const { output, dataset } = given;
  refuseMixedFlags(given);
  const hasInput = (values?.length ?? 0) > 0 || given.list !== undefined;
  const inputs = values && { input: values };
  if (dataset !== undefined && hasInput) {
    return { place: word, into: 'dataset', flags: { ...given, dataset, ...inputs } };
  }
  if (output === undefined || !hasInput) {
    const missing = [
      ...(hasInput ? [] : ['the input (-i)']),
      ...((output ?? dataset) === undefined ? ['the output (-o)'] : []),
    ].join(' and ');
    const input = values?.[0] ?? 'VIDEO';
    const into = dataset === undefined ? ['-o', output ?? 'generated.mp4'] : ['--dataset', dataset];
    const whole = ownCommand('generate', word, '-i', input, ...into);
    const verb = missing.includes(' and ') ? 'are' : 'is';
    throw new FrameloomError('bad-option', `${missing} ${verb} missing`, {
      hint: `such as: ${whole}`,
    });
  }
  return { place: word, into: 'videos', flags: { ...given, output, ...inputs } };
}
