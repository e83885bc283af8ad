import { FrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { isModelWord, takeBack } from '../../taken-word.js';
import type { GenerateAnyFlags } from './run.js';

/** What is given on the line, where nothing need be there yet. */
export type GenerateWords = Omit<GenerateAnyFlags, 'output'> & { readonly output?: string };

/**
 * The model and what is to be made of what, wherever on the line they stood.
 * @throws FrameloomError bad-option that names all that is missing
 */
export function askedOf(
  place: string | undefined,
  given: GenerateWords,
): { place: string; flags: GenerateAnyFlags } {
  const { word, values } = takeBack({
    ...{ word: place, values: given.input },
    ...{ what: 'run', flag: '-i', isIt: isModelWord },
  });
  const { output } = given;
  const hasInput = (values?.length ?? 0) > 0 || given.list !== undefined;
  if (output === undefined || !hasInput) {
    const missing = [
      ...(hasInput ? [] : ['the input (-i)']),
      ...(output === undefined ? ['the output (-o)'] : []),
    ].join(' and ');
    const input = values?.[0] ?? 'VIDEO';
    const whole = ownCommand('generate', word, '-i', input, '-o', output ?? 'generated.mp4');
    const verb = missing.includes(' and ') ? 'are' : 'is';
    throw new FrameloomError('bad-option', `${missing} ${verb} missing`, {
      hint: `such as: ${whole}`,
    });
  }
  return { place: word, flags: { ...given, output, ...(values && { input: values }) } };
}
