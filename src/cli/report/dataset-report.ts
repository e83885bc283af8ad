import { basename, relative } from 'node:path';
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
  if (graph === 'null') return `the frame itself, ${channels}`;
  if (graph) return `derived by ${graph}, ${channels}`;
  return condition.content === 'labels'
    ? `paired label maps of ${condition.channels} classes`
    : `paired pictures, ${channels}`;
}

/** Classes as rows: of thirty there is no room side by side. Those that no pixel has are one line. */
function labelTable(report: DatasetReport): string {
  const { condition, clips } = report;
  const { classNames } = condition;
  if (classNames.length === 0) return '';
  const frames = clips.reduce((sum, { frameCount }) => sum + frameCount, 0);
  /** Share of all pixels, and the clips that have any. */
  const totalOf = (share: (clip: ClipReport) => number): { all: number; having: number } => ({
    all: clips.reduce((sum, clip) => sum + (share(clip) * clip.frameCount) / frames, 0),
    having: clips.filter((clip) => share(clip) > 0).length,
  });
  const row = (id: string, name: string, { all, having }: ReturnType<typeof totalOf>): string[] => [
    id,
    name,
    percent(all),
    String(having),
  ];
  const totals = classNames.map((_, id) =>
    totalOf(({ condition: { labels } }) => labels[id]?.fraction ?? 0),
  );
  const ignored = totalOf((clip) => clip.condition.ignored);
  const rows = [
    ...classNames.flatMap((name, id) =>
      totals[id]!.having > 0 ? [row(String(id), name === String(id) ? '' : name, totals[id]!)] : [],
    ),
    ...(ignored.having > 0 ? [row('–', 'ignored', ignored)] : []),
  ];
  const columns = [
    { title: 'label', align: 'right' as const },
    { title: '' },
    { title: 'pixels', align: 'right' as const },
    { title: 'clips', align: 'right' as const },
  ];
  return `\n${formatTable(columns, rows)}`;
}

/** How many frames of the clips are told of, and columns that are left out. */
function actionFacts({ clips }: DatasetReport): [string, string][] {
  const all = clips.flatMap(({ actions, frameCount }) =>
    actions ? [{ actions, frameCount }] : [],
  );
  const [first] = all;
  if (!first) return [];
  const told = all.reduce((sum, { actions }) => sum + actions.toldFrames, 0);
  const frames = all.reduce((sum, { frameCount }) => sum + frameCount, 0);
  const unused = [...new Set(all.flatMap(({ actions }) => actions.unused))];
  const words = `${first.actions.columns.length} numbers a frame, told of ${formatCount(told)} of ${formatCount(frames)} frames`;
  return [
    ['actions', words],
    ...(unused.length > 0 ? [['not told', unused.join(', ')] as [string, string]] : []),
  ];
}

/** What was done, column by column, over all clips. */
function actionTable({ clips }: DatasetReport): string {
  const all = clips.flatMap(({ actions, frameCount }) =>
    actions ? [{ actions, frameCount }] : [],
  );
  const [first] = all;
  if (!first) return '';
  const frames = all.reduce((sum, { frameCount }) => sum + frameCount, 0);
  const rows = first.actions.columns.map(({ name, kind }, i) => {
    const own = all.map(({ actions, frameCount }) => ({ ...actions.columns[i]!, frameCount }));
    const mean = own.reduce((sum, one) => sum + (one.mean * one.frameCount) / frames, 0);
    return [
      name,
      kind,
      number(Math.min(...own.map(({ least }) => least))),
      number(Math.max(...own.map(({ most }) => most))),
      kind === 'key' ? percent(mean) : number(mean),
      formatCount(own.reduce((sum, { changes }) => sum + changes, 0)),
    ];
  });
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'action' },
    { title: '' },
    ...['least', 'most', 'held or mean', 'changes'].map(right),
  ];
  return `\n${formatTable(columns, rows)}`;
}

const number = (value: number): string => String(Math.round(value * 1000) / 1000);

/** A share, never shown as none where it is some. */
const percent = (share: number): string =>
  share > 0 && share < 0.0005 ? '<0.1%' : `${(share * 100).toFixed(1)}%`;

/** The keyframes by their names. */
function keyframeFacts({ keyframes }: DatasetReport): [string, string][] {
  if (keyframes === null) return [];
  const words = keyframes.map(
    ({ path, isHeldOut }) => `${basename(path)}${isHeldOut ? ' (held out)' : ''}`,
  );
  const shown = words.slice(0, MOST_NAMED).join(', ');
  const rest = words.length > MOST_NAMED ? ` and ${words.length - MOST_NAMED} more` : '';
  return [['keyframes', `${words.length}: ${shown}${rest}`]];
}

/** Keyframes that are named one by one. */
const MOST_NAMED = 12;

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
    ...actionFacts(report),
    ...keyframeFacts(report),
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
  return `${clips}\n${facts}${labelTable(report)}${actionTable(report)}${skippedTable(report)}`;
}

/** What was left out, and why. */
function skippedTable({ skipped, totals }: DatasetReport): string {
  if (skipped.length === 0) return '';
  const lines = skipped.map(({ path, reason }) => `  ${shortPath(path)}: ${reason}\n`);
  return `\nleft out, ${skipped.length} of ${totals.clips + skipped.length} clips:\n${lines.join('')}`;
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
