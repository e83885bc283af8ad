import type { Faithfulness, MadeAndReal, Obedience, Obeyed } from '../../../metrics/index.js';
import type { Behaviour } from '../../../synthesis/evaluate/behaviour.js';
import { NO_DRIFT, type DriftSlopes } from '../../../synthesis/evaluate/long-rollout.js';
import { sayValue } from '../../report/measures.js';

const signed = (value: number, digits: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** Slopes are told for so many frames where the rollout is as long. */
const LONG = 1000;

function slopesLine({ frames, walked, intervals, ...drift }: DriftSlopes): string {
  const [unit, factor, more] = frames < LONG ? ['100', 1, 0] : ['1,000', 10, 1];
  const told = (
    [
      ['PSNR', 'psnr', 2],
      ['SSIM', 'ssim', 3],
      ['sharpness', 'sharpness', 2 + more],
      ['checker', 'checker', 2 + more],
      ['colour', 'colour', 3],
    ] as const
  ).flatMap(([name, measure, digits]) => {
    const slope = drift[measure];
    if (slope === null) return [];
    const ends = intervals?.[measure];
    const half = ends ? ` ± ${((factor * (ends[1] - ends[0])) / 2).toFixed(digits)}` : '';
    return [`${name} ${signed(factor * slope, digits)}${half}`];
  });
  const [first, last] = walked;
  return `each ${unit} frames of a rollout of ${frames}, to and fro over the conditions of frames ${first} to ${last}: ${told.join(', ')}`;
}

/** How it behaves, a line for each thing that is known. */
export function formatBehaviour({ conditionUse, diversity, drift }: Behaviour): string {
  const lines: string[] = [];
  if (conditionUse !== null) {
    lines.push(`condition use ${conditionUse.toFixed(2)} (1 as real frames differ, 0 ignored)`);
  }
  if (diversity !== null) {
    lines.push(
      `diversity ${diversity.toFixed(2)} (1 as real frames differ, 0 the noise is ignored)`,
    );
  }
  lines.push(drift === null ? `no slopes of a long rollout: ${NO_DRIFT}` : slopesLine(drift));
  return `${lines.join('\n')}\n`;
}

const beside = ({ made, real }: MadeAndReal, digits: number): string =>
  `${sayValue(made, digits)} / ${sayValue(real, digits)}`;

/** How well its frames show what their condition asked for, and what real frames come to the same way. */
export function formatFaithfulness(found: Faithfulness): string {
  if (found.kind === 'edges') {
    return `condition kept, made / real: F1 of edges ${beside(found.f1, 3)}\n`;
  }
  if (found.kind === 'picture') {
    return `condition kept, made / real: PSNR ${beside(found.psnr, 2)} dB\n`;
  }
  const { meanIou, accuracy, frames } = found;
  const words = `mean IoU ${beside(meanIou, 3)}, pixels ${beside(accuracy, 3)}`;
  return `labels seen in ${frames} frames, made / real: ${words}\n`;
}

const obeyed = (one: Obeyed, digits: number): string =>
  `${beside(one, digits)} / ${sayValue(one.shuffled, digits)}`;

/**
 * How well its frames do what they were told, what real frames come to the same way, and what comes out beside actions
 * of other times.
 */
export function formatObedience({ frames, keys, axes, columns }: Obedience): string {
  const lines: string[] = [];
  const tell = (kind: 'key' | 'axis', said: string, all: Obeyed | null): void => {
    if (!all) return;
    const own = columns.filter((column) => column.kind === kind);
    const each = own.map((column) => `${column.name} ${obeyed(column, 2)}`).join(', ');
    const several = own.length > 1 ? ` (${each})` : '';
    lines.push(`${said} ${obeyed(all, 3)}${several}\n`);
  };
  tell('key', `keys seen in ${frames} frames, made / real / shuffled: balanced accuracy`, keys);
  tell('axis', `axes seen in ${frames} frames, made / real / shuffled: R²`, axes);
  if (lines.length === 0) {
    lines.push('what was told never changes in the frames that were scored: nothing to obey\n');
  }
  return lines.join('');
}
