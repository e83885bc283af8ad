import { existsSync } from 'node:fs';
import type { Command, CommanderError, Option } from 'commander';
import { FrameloomError } from '../base/error.js';
import { ownCommand, ownName } from '../base/own-command.js';

/** The command that a line is about; the program itself where it names none. */
function commandOf(program: Command, words: readonly string[]): Command {
  const names = words.filter((word) => !word.startsWith('-'));
  return program.commands.find((command) => command.name() === names[0]) ?? program;
}

const names = (options: readonly Option[]): string[] =>
  options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined);

/** What commander guesses was meant, which stands on a line of its own. */
const guessOf = (message: string): string | undefined =>
  /\n\((Did you mean .*\?)\)/.exec(message)?.[1];

/** What somebody may have meant by a word that is no command. */
function meant(word: string, program: Command): string | undefined {
  const begun = program.commands.map((command) => command.name());
  const longer = begun.filter((name) => name.startsWith(word));
  if (longer.length > 0) return `did you mean ${longer.join(' or ')}?`;
  if (/\.ya?ml$/i.test(word)) return `did you mean ${ownCommand('train', word)}?`;
  const isModel = /\.onnx$/i.test(word) || existsSync(`${word}/pipeline.yaml`);
  return isModel ? `did you mean ${ownCommand('generate', word)} …?` : undefined;
}

/** Words that nothing was expected for, and what they were likely to be. */
function tooMany(command: Command): FrameloomError {
  const expected = command.registeredArguments.length;
  const extra = command.args.slice(expected).map((word) => `"${word}"`);
  const takes = names(command.options);
  const ways = [
    ...(takes.includes('--input') ? ['an input is named with -i'] : []),
    ...(takes.includes('--clip') ? ['a clip is named with --clip'] : []),
    ...(takes.includes('--output') ? ['the output with -o'] : []),
    'a name with blanks in it is quoted',
  ];
  const what = extra.length === 1 ? 'is a word too many' : `are ${extra.length} words too many`;
  return new FrameloomError('bad-option', `${extra.join(', ')} ${what} for ${command.name()}`, {
    hint: ways.join(', '),
  });
}

/** An option that the command does not have, and another one may. */
function unknownOption(
  name: string,
  guess: string | undefined,
  command: Command,
  program: Command,
) {
  const owners = program.commands
    .filter((other) => names(other.options).includes(name))
    .map((other) => other.name());
  const known = owners.length > 0 ? `${name} is an option of ${owners.join(', ')}` : undefined;
  const where = command === program ? '' : ` of ${command.name()}`;
  const help = [ownName(), ...(command === program ? [] : [command.name()]), '--help'].join(' ');
  return new FrameloomError('bad-option', `unknown option '${name}'${where}`, {
    hint: [guess ?? known, `${help} shows what there is`].filter(Boolean).join('; '),
  });
}

/** What the parser complains of, and what to do about it. */
export function usageError(
  error: CommanderError,
  program: Command,
  words: readonly string[],
): FrameloomError {
  const command = commandOf(program, words);
  const message = error.message.replace(/^error: /, '').trim();
  const [first = ''] = message.split('\n');
  const quoted = /'([^']*)'/.exec(first)?.[1] ?? '';
  const guess = guessOf(message);
  switch (error.code) {
    case 'commander.excessArguments':
      return tooMany(command);
    case 'commander.unknownOption':
      return unknownOption(quoted, guess, command, program);
    case 'commander.unknownCommand':
      return new FrameloomError('bad-option', first, {
        hint: guess ?? meant(quoted, program) ?? `${ownName()} --help shows what there is`,
      });
    case 'commander.missingArgument': {
      const usage = `${ownName()} ${command.name()} ${command.usage()}`;
      return new FrameloomError('bad-option', `the ${quoted} is missing`, { hint: usage });
    }
    default:
      return new FrameloomError('bad-option', first, {
        ...(guess !== undefined && { hint: guess }),
      });
  }
}
