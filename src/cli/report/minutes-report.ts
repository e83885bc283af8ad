import { formatBytes, formatDuration } from '../../base/units.js';
import { ENOUGH_STEPS } from '../../training/forecast.js';
import type { Advice, CandidateRow } from '../../training/candidates.js';
import { formatCount, formatFacts, formatTable } from './table.js';

/** What `frameloom plan --minutes --json` prints. */
export interface MinutesReport {
  readonly pipeline: string;
  readonly minutes: number;
  readonly batch: number;
  readonly budgetBytes: number;
  readonly enoughSteps: number;
  readonly evaluationFrames: number;
  /** The pipeline's own setting first. */
  readonly candidates: readonly CandidateRow[];
  /** What to train, and for how long; null where nothing can be. */
  readonly advice: Advice | null;
  /** The largest that gets enough steps beside the pipeline's own; null for none. */
  readonly room: CandidateRow | null;
  /** Command lines. */
  readonly next: readonly string[];
}

const wayOf = ({ by, window }: CandidateRow): string =>
  by === 'patches' ? `${by} of ${window.width}x${window.height}` : by;

const nameOf = (row: CandidateRow): string => {
  const name = `${row.preset} ${row.width}x${row.height}`;
  return row.by === 'whole frames' ? name : `${name}, ${wayOf(row)}`;
};

function verdictOf({ candidates, minutes }: MinutesReport): string {
  const { forecast, why } = candidates[0]!;
  if (forecast === null) return `cannot be trained here: ${why}`;
  const { steps, frameMs, isAll, isEnough, enoughMinutes } = forecast;
  const pace = `at ${frameMs.toFixed(0)} ms a frame`;
  if (isAll) {
    return `fits: all ${formatCount(steps)} steps of it, ${pace}, in the ${formatDuration(minutes * 60)}`;
  }
  const count = `${formatCount(steps)} steps, ${pace}`;
  if (isEnough) return `fits: ${count}`;
  return `does not fit: ${count}; enough of them take ${formatDuration(enoughMinutes * 60)}`;
}

const memoryOf = ({ memoryBytes, isBound }: CandidateRow): string =>
  memoryBytes === null ? '–' : `${isBound ? '< ' : ''}${formatBytes(memoryBytes)}`;

function cellsOf(row: CandidateRow): string[] {
  const { preset, width, height, forecast, isMeasured, why } = row;
  const about = isMeasured ? '' : '~';
  return [
    preset,
    `${width}x${height}`,
    wayOf(row),
    forecast ? `${about}${formatCount(forecast.steps)}` : '–',
    forecast ? `${about}${forecast.frameMs.toFixed(0)}` : '–',
    memoryOf(row),
    forecast ? formatDuration(forecast.enoughMinutes * 60) : '–',
    why ?? 'fits',
  ];
}

/** The report in words and a table. */
export function formatMinutesReport(report: MinutesReport): string {
  const { pipeline, minutes, batch, budgetBytes, candidates, advice, room } = report;
  const own = candidates[0]!;
  const facts = formatFacts([
    ['pipeline', `${pipeline}, ${nameOf(own)}, batch ${batch}`],
    [`in ${formatDuration(minutes * 60)}`, verdictOf(report)],
    [
      'best',
      advice === null
        ? 'nothing of it can be trained here'
        : `${nameOf(advice.row)}${advice.row === own ? ', as it is' : ''}${advice.minutes === minutes ? '' : `, for ${formatDuration(advice.minutes * 60)}`}`,
    ],
    ...(room
      ? [['room for', `${nameOf(room)}: ${formatCount(room.forecast!.steps)} steps`] as const]
      : []),
    ['memory', `${formatBytes(budgetBytes)} at the most`],
  ]);
  const table = formatTable(
    [
      { title: 'preset' },
      { title: 'size' },
      { title: 'trained on' },
      { title: 'steps', align: 'right' },
      { title: 'ms a frame', align: 'right' },
      { title: 'memory', align: 'right' },
      { title: 'enough in', align: 'right' },
      { title: 'fits' },
    ],
    candidates.map(cellsOf),
  );
  const rule = `fits: at least ${ENOUGH_STEPS} steps, or all that the pipeline asks for (docs/training.md, How many steps), within the memory
best: the pipeline's own setting if it fits; else the largest size up to its own at which a preset fits, on whole frames if
      one does, else growing (small frames first), else on patches, and of these the largest
steps: as train --max-minutes counts them, with samples, evaluations and warm-ups; ~ by arithmetic, not measured
`;
  return `${facts}\n${table}\n${rule}`;
}
