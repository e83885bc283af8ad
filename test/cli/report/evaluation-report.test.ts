import { describe, expect, it } from 'vitest';
import {
  renderReport,
  type EvaluationReport,
  type ReportRun,
} from '../../../src/cli/report/html/evaluation-report.js';
import {
  lineChart,
  rangeOf,
  sayTick,
  thinned,
  ticksOf,
} from '../../../src/cli/report/html/line-chart.js';
import { escapeText, html } from '../../../src/cli/report/html/markup.js';
import { differingSettings } from '../../../src/cli/report/settings-difference.js';
import { trainingCurves } from '../../../src/cli/report/training-curves.js';

/** What a folder, a palette or a filtergraph may hold. */
const HOSTILE = `a<b>&"c'</style></pre><script>alert(1)</script><img src=x onerror=alert(2)>\u001b[2J`;

function reportRun(name: string, overrides: Partial<ReportRun> = {}): ReportRun {
  const pipeline = { name, training: { steps: 10, note: 'same' } };
  return {
    name,
    facts: new Map([['folder', `runs/${name}`]]),
    values: new Map([
      ['psnr', 20],
      ['intervals.psnr.low', 19],
      ['intervals.psnr.high', 21],
    ]),
    coldStart: new Map([['psnr', 15]]),
    curves: [{ title: 'PSNR dB', values: [21, null, 20] }],
    pipeline,
    pipelineYaml: `name: ${name}\n`,
    log: [
      { step: 10, terms: { 'generator/warp': 2, 'control/blur_pixels': 0 } },
      { step: 20, terms: { 'generator/warp': 1, 'control/blur_pixels': 0 }, heldOut: { psnr: 19 } },
      { step: 30, heldOut: { psnr: 20, ssim: null } },
    ],
    ...overrides,
  };
}

const picture = { width: 2, height: 1, data: Uint8Array.from([255, 0, 0, 0, 255, 0]) };

const report = (overrides: Partial<EvaluationReport> = {}): EvaluationReport => ({
  title: 'a title',
  measuredOn: '10 frames',
  notes: [],
  runs: [reportRun('first'), reportRun('second')],
  baselines: [{ name: 'freeze last frame', values: new Map([['psnr', 25]]), curves: [] }],
  differences: ['first is above second'],
  moments: [{ title: 'frame 3', pictures: [{ name: 'real', picture }] }],
  madeBy: 'by a test',
  ...overrides,
});

describe('a template', () => {
  it('escapes what is put into it, and nothing twice', () => {
    const inner = html`<b>${'1 < 2'}</b>`;
    expect(html`<p title="${'"'}">${[inner, ' & ', null, 3, false]}</p>`.text).toBe(
      '<p title="&quot;"><b>1 &lt; 2</b> &amp; 3</p>',
    );
    expect(escapeText('\u0000\u001b\tx\n')).toBe('\ufffd\ufffd\tx\n');
  });
});

describe('a report', () => {
  it('lets no text of others become markup, wherever it stands', () => {
    const hostile = reportRun(HOSTILE, {
      facts: new Map([[HOSTILE, HOSTILE]]),
      values: new Map([[HOSTILE, 1]]),
      curves: [{ title: HOSTILE, values: [1, 2] }],
      pipeline: { [HOSTILE]: HOSTILE, list: [{ [HOSTILE]: 1 }] },
      pipelineYaml: HOSTILE,
      log: [1, 2].map((step) => ({
        step,
        terms: { [HOSTILE]: step },
        heldOut: { [HOSTILE]: step },
      })),
    });
    const page = renderReport(
      report({
        ...{ title: HOSTILE, measuredOn: HOSTILE, notes: [HOSTILE], madeBy: HOSTILE },
        differences: [HOSTILE],
        runs: [hostile, reportRun('other')],
        baselines: [
          { name: HOSTILE, values: new Map(), curves: [{ title: HOSTILE, values: [1] }] },
        ],
        moments: [{ title: HOSTILE, pictures: [{ name: HOSTILE, picture }] }],
      }),
    );
    for (const text of ['<script', '<img src=x', '\u001b']) expect(page).not.toContain(text);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    const harmless = '&lt;/style&gt;&lt;/pre&gt;&lt;script&gt;';
    // In the head, every table, every legend, chart, picture and pipeline.
    expect(page.split(harmless).length).toBeGreaterThan(30);
    // Each tag that is opened is closed, so that nothing swallows what follows.
    for (const tag of ['table', 'td', 'th', 'svg', 'figure', 'details', 'pre', 'div', 'h3']) {
      const count = (pattern: string): number => page.match(new RegExp(pattern, 'g'))?.length ?? 0;
      expect([tag, count(String.raw`<${tag}[\s>]`)]).toEqual([tag, count(`</${tag}>`)]);
    }
  });

  it('is one file that asks for no other', () => {
    const page = renderReport(report());
    expect(page).not.toMatch(/https?:|url\(|@import|<link|<script|<iframe/);
    const sources = [...page.matchAll(/\ssrc="([^"]*)"/g)].map(([, source]) => source!);
    expect(sources).toHaveLength(1);
    expect(sources[0]).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
    expect(page).toContain(`content="default-src 'none'; img-src data:;`.replaceAll("'", '&#39;'));
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('name="viewport"');
  });

  it('shows numbers with their intervals, and marks what is best', () => {
    const better = reportRun('second', { values: new Map([['psnr', 22]]) });
    const page = renderReport(report({ runs: [reportRun('first'), better] }));
    expect(page).toContain('<td class="">20.00<small>19.00 … 21.00</small></td>');
    expect(page).toContain('<td class="best">22.00 ★</td>');
    expect(page).toContain('<td class="ahead">25.00 †</td>');
    expect(page).toContain('<li>first is above second</li>');
  });

  it('of one run says nothing of others', () => {
    const page = renderReport(report({ runs: [reportRun('alone')] }));
    expect(page).not.toContain('In which they differ');
    expect(page).not.toContain('★');
    expect(page).toContain('the whole pipeline of alone');
  });

  it('leaves out what there is none of', () => {
    const bare = reportRun('bare', { curves: [], log: [], coldStart: null });
    const page = renderReport(report({ runs: [bare], baselines: [], moments: [] }));
    expect(page).not.toMatch(/<h2>(Frames|Over the rollout|Training)<\/h2>/);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('settings that differ', () => {
  it('are told by their keys, in order, with what one of them does not have', () => {
    const first = { name: 'a', data: { clips: ['x', 'y'], size: { width: 4 } }, list: [{ k: 1 }] };
    const second = { name: 'a', data: { clips: ['x'], size: { width: 8 } }, list: [{ k: 2 }, {}] };
    expect(differingSettings([first, second])).toEqual([
      { key: 'data.clips', values: ['[x, y]', '[x]'] },
      { key: 'data.size.width', values: ['4', '8'] },
      { key: 'list[0].k', values: ['1', '2'] },
      { key: 'list[1]', values: [null, '{}'] },
    ]);
    expect(differingSettings([first, structuredClone(first)])).toEqual([]);
    // A number is not its digits' text, but reads the same; null is a value.
    expect(differingSettings([{ a: null }, {}])).toEqual([{ key: 'a', values: ['null', null] }]);
  });
});

describe('the curves of a log', () => {
  it('are held-out figures, losses, and what the control goes by', () => {
    const { heldOut, losses, signals } = trainingCurves(reportRun('x').log);
    expect(heldOut.get('psnr')).toEqual({ title: 'PSNR dB', points: [[20, 19], [30, 20]] }); // prettier-ignore
    expect([...heldOut.keys()]).toEqual(['psnr']);
    expect(losses.get('generator/warp')).toEqual({ title: 'generator: warp', points: [[10, 2], [20, 1]] }); // prettier-ignore
    expect([...signals.keys()]).toEqual(['control/blur_pixels']);
  });
});

describe('a line chart', () => {
  const chart = (points: (readonly [number, number])[]) =>
    lineChart({ title: 't', xTitle: 'steps', series: [{ name: 'n', colour: 9, points }] }).text;

  it('draws any numbers that there are, and gaps where there are none', () => {
    const drawn = chart([[1, 1], [2, NaN], [3, 3], [4, Infinity]]); // prettier-ignore
    expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
    expect(/ d="([^"]*)"/.exec(drawn)![1]!.match(/M/g)).toHaveLength(2);
    // The ninth run has the second colour again, dashed.
    expect(drawn).toContain('class="line c1 again"');
    for (const few of [
      [],
      [[5, 7]],
      [
        [1, 2],
        [2, 2],
      ],
      [
        [1, 1e9],
        [2, -1e-9],
      ],
    ] as [number, number][][])
      // prettier-ignore
      expect(chart(few)).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('has round numbers at its sides', () => {
    expect(ticksOf(0.1, 0.93, 4)).toEqual([0.2, 0.4, 0.6000000000000001, 0.8]);
    expect([0.2, 0.4].map((tick) => sayTick(tick, [0.2, 0.4]))).toEqual(['0.2', '0.4']);
    expect(sayTick(-20_000, [-20_000, 0])).toBe('−20k');
    expect(sayTick(10_500, [10_000, 10_500])).toBe('10.5k');
  });

  it('is not flattened by one value far away, and says so', () => {
    const values = [...Array.from({ length: 40 }, (_, i) => i / 40), 1e6];
    const { high, cut } = rangeOf(values);
    expect([high < 5, cut]).toEqual([true, true]);
    expect(chart(values.map((value, i) => [i, value]))).toContain('outliers at the edge');
    expect(rangeOf([2, 2])).toMatchObject({ cut: false });
  });

  it('thins out what is more than can be seen, by means', () => {
    const points = Array.from({ length: 1000 }, (_, i) => [i, i % 2] as const);
    const few = thinned(points, 100);
    expect(few).toHaveLength(100);
    expect(few.every(([, y]) => y === 0.5)).toBe(true);
  });
});
