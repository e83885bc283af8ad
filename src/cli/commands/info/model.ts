import { stat } from 'node:fs/promises';
import { formatRational } from '../../../base/rational.js';
import { formatBytes } from '../../../base/units.js';
import type { ConditionLayout, DataOptions } from '../../../clips/index.js';
import { styleNames } from '../../../networks/clip-styles.js';
import type { ExportedInfo } from '../../../export/metadata.js';
import { describeExported, readExported } from '../../../synthesis/models/exported-model.js';
import { sayFigures } from '../../../training/evaluation.js';
import { describeRun, type RunScore } from '../../report/run-facts.js';
import { formatCount, formatFacts, formatTable } from '../../report/table.js';
import { commandsOf, nextLines } from '../../terminal/next.js';
import type { Told } from './told.js';

type Facts = [string, string][];

/** What a generator is driven by, in words. */
function conditionWords({ condition }: DataOptions, layout?: ConditionLayout): string {
  if (condition.kind === 'none') return 'none: noise or the last frames';
  if (condition.kind === 'derived') {
    const rule = condition.preset === 'custom' || condition.preset === undefined;
    const graph = 'filtergraph' in condition ? condition.filtergraph : '';
    return `${rule ? `the filtergraph ${graph}` : condition.preset} of the video`;
  }
  if (condition.content === 'image') return 'a second video of pictures';
  const names = layout?.classNames ?? [];
  const classes = names.length === 0 ? `${condition.classes ?? 'its'} classes` : names.join(', ');
  return `label maps of ${classes}`;
}

/** What a generator is told at each frame besides. */
const actionWords = ({ columns }: NonNullable<DataOptions['actions']>): string =>
  Object.entries(columns)
    .map(([name, { kind }]) => `${name} (${kind})`)
    .join(', ');

/** What the data says of what can be put in and what comes out. */
const dataFacts = (data: DataOptions, layout?: ConditionLayout): Facts => [
  ['frames', `${data.size.width}x${data.size.height}, inputs ${data.fit}`],
  ['rate', data.fps ? `${formatRational(data.fps)} a second` : 'that of the input'],
  ['driven by', conditionWords(data, layout)],
  ...(data.actions ? [['told', actionWords(data.actions)] as [string, string]] : []),
];

/** What `training.bestBy` says, in words. */
const SAID_RULES: Readonly<Record<string, string>> = { composite: 'score', ssim: 'SSIM' };

const scoreWords = ({ step, ...figures }: RunScore): string =>
  `${sayFigures(figures)} at step ${step}`;

/** What a run is and how far it is. */
export async function informOfRun(folder: string): Promise<Told> {
  const { facts, pipeline } = await describeRun(folder);
  const rows: Facts = [['pipeline', facts.name ?? 'cannot be read']];
  rows.push([
    'steps',
    `${formatCount(facts.step)}${facts.steps === null ? '' : ` of ${formatCount(facts.steps)}`}`,
  ]);
  if (pipeline) {
    rows.push(...dataFacts(pipeline.data));
    const { preset, historyFrames, noiseChannels, styleChannels } = pipeline.generator;
    const noise = noiseChannels > 0 ? `, ${noiseChannels} channels of noise` : '';
    const look = styleChannels > 0 ? `, told a look by ${styleChannels} numbers` : '';
    const past =
      historyFrames === 0 ? 'each frame by itself' : `from ${historyFrames} frames before`;
    rows.push(['generator', `${preset}, ${past}${noise}${look}`]);
    rows.push(['clips', [pipeline.data.clips].flat().join(', ')]);
  }
  if (facts.keyframes) {
    const held = facts.keyframes.filter(({ isHeldOut }) => isHeldOut).length;
    const folder = pipeline?.data.keyframes?.folder ?? '';
    rows.push(['keyframes', `${facts.keyframes.length} of ${folder}, ${held} held out`]);
  }
  if (facts.origin) {
    const { place, step, weights } = facts.origin;
    rows.push(['started from', `${place}, step ${formatCount(step)} (${weights.slice(0, 12)})`]);
  }
  rows.push(['last measured', facts.lastScore ? scoreWords(facts.lastScore) : 'not yet']);
  if (facts.bestScore)
    rows.push([`best by ${SAID_RULES[facts.bestBy]}`, scoreWords(facts.bestScore)]);
  for (const { fromStep, toStep, why } of facts.returns) {
    const told = `from step ${formatCount(fromStep)} to ${formatCount(toStep)}`;
    rows.push(['went back', `${told}, ${why ?? 'as was asked for'}`]);
  }
  if (facts.ended) {
    rows.push([
      'ended',
      `at step ${formatCount(facts.ended.step)}, ${facts.ended.word}, ${facts.ended.why}`,
    ]);
  }
  rows.push(['exported', facts.isExported ? 'yes' : 'no']);
  rows.push(['on disk', formatBytes(facts.bytes)]);
  const table = formatTable(
    [
      { title: 'snapshot', align: 'right' },
      { title: 'score', align: 'right' },
      { title: 'size', align: 'right' },
      { title: '' },
    ],
    facts.snapshots.map(({ step, score, scoredBy, bytes, problem }) => {
      // Scores by another rule, of a run that was not gone on with since, are told apart.
      const rule = scoredBy === 'composite' ? '' : ` (${SAID_RULES[scoredBy] ?? scoredBy})`;
      const said = score === null ? '–' : `${score.toFixed(3)}${rule}`;
      return [String(step), said, formatBytes(bytes), problem ?? ''];
    }),
  );
  const next = pipeline ? commandsOf(folder, pipeline) : [];
  const wrong = facts.problem === null ? '' : `note: ${facts.problem}\n`;
  const snapshots = facts.snapshots.length === 0 ? 'no snapshot yet\n' : table;
  return {
    facts: { type: 'run', ...facts, pipeline, next },
    text: `${folder}\n${formatFacts(rows)}${wrong}\n${snapshots}${next.length > 0 ? `\n${nextLines(next)}` : ''}`,
  };
}

/** What an exported file was written for. */
function forWhat({ target, fixed, compute }: ExportedInfo): string {
  const size = fixed ? `${fixed.width}x${fixed.height}, ${fixed.samples} at once` : 'any size';
  return `${target ?? 'onnxruntime'}, ${size}${compute === 'float16' ? ', computes in float16' : ''}`;
}

/** What an exported file says of itself. */
export async function informOfExport(path: string): Promise<Told> {
  const described = describeExported(await readExported(path), path);
  const { info, data, layout } = described;
  const { size: bytes } = await stat(path);
  const { historyFrames, conditionFrames, noiseChannels, flow } = info.generator;
  const { pipeline, ...rest } = info;
  const name = (pipeline as { name?: unknown } | null)?.name;
  const rows: Facts = [
    ['exported by', `Frameloom ${info.version}`],
    ['pipeline', typeof name === 'string' ? name : 'not said'],
    ['steps', formatCount(info.step)],
    ...dataFacts(data, layout),
    [
      'takes',
      `${historyFrames} frames before, ${conditionFrames} conditions, ${noiseChannels} channels of noise`,
    ],
    ...(info.styles ? ([['looks', styleNames(info.styles)]] satisfies Facts) : []),
    ['warps by flow', flow ? 'yes' : 'no'],
    ['made for', forWhat(info)],
    ['seed', String(info.seed)],
    [
      'weights',
      `${info.precision ?? 'precision not said'}, ${info.weights?.slice(0, 12) ?? 'hash not said'}`,
    ],
    ['on disk', formatBytes(bytes)],
  ];
  return {
    facts: { type: 'export', path, bytes, ...rest, pipeline },
    text: `${path}\n${formatFacts(rows)}`,
  };
}
