import { formatBytes } from '../../../base/units.js';
import { scoreBy } from '../../../training/evaluation.js';
import type { RunFacts } from '../../report/run-facts.js';
import { formatCount, formatTable } from '../../report/table.js';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago something was, in the largest unit that fits. */
export function formatAge(seconds: number): string {
  if (seconds < MINUTE) return 'now';
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  const days = Math.floor(seconds / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/** How it went, and how many times it had to go back for that. */
function healthOf({ health, returns, ended, name, problem }: RunFacts): string {
  const tipped = returns.filter(({ why }) => why !== null).length;
  // Who has no name is told of in its own column already.
  const damage = name !== null && problem !== null ? ', damaged: info says how' : '';
  const returned = tipped === 0 ? '' : `, went back ${tipped}×`;
  return `${health ?? '–'}${returned}${ended ? `, ended by ${ended.word}` : ''}${damage}`;
}

/** The best by the run's own rule, and after which step that was. */
function bestOf({ bestScore: best, bestBy }: RunFacts): string {
  const score = best && scoreBy(bestBy, best);
  return best && score !== null ? `${score.toFixed(3)} @ ${best.step}` : '–';
}

/** Runs as a table, and what they take together. */
export function formatRuns(runs: readonly RunFacts[], root: string, now = Date.now()): string {
  if (runs.length === 0) return `there is no run in ${root}\n`;
  const rows = runs.map((run) => [
    run.folder,
    run.name ?? 'cannot be read',
    run.steps === null ? `${run.step}` : `${formatCount(run.step)}/${formatCount(run.steps)}`,
    run.lastScore?.psnr?.toFixed(2) ?? '–',
    run.lastScore?.ssim?.toFixed(3) ?? '–',
    bestOf(run),
    healthOf(run),
    formatBytes(run.bytes),
    formatAge((now - run.modifiedMs) / 1000),
  ]);
  const titles = ['step', 'PSNR dB', 'SSIM', 'best score', 'health', 'size', 'written'];
  const table = formatTable(
    [
      ...['run', 'pipeline'].map((title) => ({ title })),
      ...titles.map((title) => ({ title, align: 'right' as const })),
    ],
    rows,
  );
  const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
  return `${table}${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${formatBytes(bytes)}\n`;
}
