import { relative } from 'node:path';
import { formatRational, rationalToNumber, type Rational } from '../../base/rational.js';
import { formatBytes, formatDuration } from '../../base/units.js';
import type { ClipReport, DatasetReport } from '../../clips/types.js';
import { formatCount, formatFacts, formatTable } from './table.js';

const rate = (fps: Rational): string =>
  fps.den === 1
    ? formatRational(fps)
    : `${rationalToNumber(fps).toFixed(3)} (${formatRational(fps)})`;

/** A path as it is shortest from the working folder. */
function shortPath(path: string): string {
  const shorter = relative(process.cwd(), path);
  return shorter.startsWith('..') || shorter === '' ? path : shorter;
}

function clipRow(clip: ClipReport): string[] {
  return [
    shortPath(clip.path),
    `${clip.sourceWidth}x${clip.sourceHeight}`,
    clip.codec,
    rate(clip.fps),
    formatCount(clip.frameCount),
    formatDuration(clip.durationSeconds),
    String(clip.sceneCuts.length),
    formatCount(clip.trainWindows),
    String(clip.heldOutSegments),
  ];
}

function conditionWords({ condition, clips }: DatasetReport): string {
  if (condition.kind === 'none') return 'none';
  const channels = `${condition.channels} channel${condition.channels === 1 ? '' : 's'}`;
  const graph = clips[0]?.condition.filtergraph;
  if (graph) return `derived by ${graph}, ${channels}`;
  return condition.content === 'labels'
    ? `paired label maps of ${condition.channels} classes`
    : `paired pictures, ${channels}`;
}

function labelTable(report: DatasetReport): string {
  const { classNames } = report.condition;
  if (classNames.length === 0) return '';
  const rows = report.clips.map((clip) => [
    shortPath(clip.condition.path ?? clip.path),
    ...classNames.map((name) => {
      const share = clip.condition.labels.find((label) => label.name === name)?.fraction ?? 0;
      return `${(share * 100).toFixed(1)}%`;
    }),
  ]);
  const columns = [
    { title: 'labels' },
    ...classNames.map((title) => ({ title, align: 'right' as const })),
  ];
  return `\n${formatTable(columns, rows)}`;
}

/** What `frameloom check` says about the data, as aligned tables. */
export function formatDatasetReport(report: DatasetReport): string {
  const { totals } = report;
  const clips = formatTable(
    [
      { title: 'clip' },
      { title: 'size', align: 'right' },
      { title: 'codec' },
      { title: 'fps', align: 'right' },
      { title: 'frames', align: 'right' },
      { title: 'length', align: 'right' },
      { title: 'cuts', align: 'right' },
      { title: 'windows', align: 'right' },
      { title: 'held out', align: 'right' },
    ],
    report.clips.map(clipRow),
  );
  const facts = formatFacts([
    ['trained at', `${report.width}x${report.height}, ${rate(report.fps)} frames/s`],
    ['condition', conditionWords(report)],
    [
      'frames',
      `${formatCount(totals.trainFrames)} to train on, ${formatCount(totals.heldOutFrames)} held out in ${totals.heldOutSegments} segments`,
    ],
    [
      'windows',
      `${formatCount(totals.trainWindows)} of ${report.windowFrames} frames, ${report.leadFrames} more in front`,
    ],
    ['decoded', formatBytes(totals.decodedBytes)],
  ]);
  return `${clips}\n${facts}${labelTable(report)}`;
}

/** Every warning, a clip's own with its path. */
export const datasetWarnings = (report: DatasetReport): string[] => [
  ...report.warnings,
  ...report.clips.flatMap((clip) =>
    clip.warnings.map((warning) =>
      warning.includes(clip.path) ? warning : `${shortPath(clip.path)}: ${warning}`,
    ),
  ),
];
