import { InvalidArgumentError } from 'commander';

/** Reads `latest`, `best` or a step's number. */
export function snapshotChoice(text: string): 'latest' | 'best' | number {
  if (text === 'latest' || text === 'best') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not latest, best or the number of a step.`);
}
