import type { Faithfulness, MadeAndReal } from '../../../metrics/index.js';
import type { Behaviour } from '../../../synthesis/evaluate/behaviour.js';
import { sayValue } from '../../report/measures.js';

const signed = (value: number, digits: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** Slopes are told for so many frames where the rollout is as long. */
const LONG = 1000;

function slopesLine({ frames, ...drift }: Behaviour['drift']): string {
  const [unit, factor, more] = frames < LONG ? ['100', 1, 0] : ['1,000', 10, 1];
  const told = (
    [
      ['PSNR', drift.psnr, 2],
      ['SSIM', drift.ssim, 3],
      ['sharpness', drift.sharpness, 2 + more],
      ['checker', drift.checker, 2 + more],
      ['colour', drift.colour, 3],
    ] as const
  ).flatMap(([name, slope, digits]) =>
    slope === null ? [] : [`${name} ${signed(factor * slope, digits)}`],
  );
  return `each ${unit} frames of a rollout of ${frames}: ${told.join(', ')}`;
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
  lines.push(slopesLine(drift));
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
