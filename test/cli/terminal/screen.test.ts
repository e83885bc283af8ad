import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../../src/cli/terminal/context.js';
import { createProgress } from '../../../src/cli/terminal/progress.js';
import { Screen } from '../../../src/cli/terminal/screen.js';
import { cutToWidth, widthOf } from '../../../src/cli/terminal/width.js';
import { createBatchView } from '../../../src/cli/commands/generate/batch-view.js';
import type { BatchJob } from '../../../src/synthesis/index.js';
import { emulator } from './emulator.js';

const { signal } = new AbortController();
const job = (index: number): BatchJob => ({
  ...{ index, input: `${index}.mp4`, output: `out/film-${index}.mp4`, seed: 1 },
});
const result = { frames: 10, durationSeconds: 0.4, width: 8, height: 8, format: 'mp4' } as const;

describe('the lines at the end of a screen', () => {
  it('are drawn anew below whatever is written', async () => {
    const terminal = emulator();
    const screen = new Screen(terminal);
    screen.err('first\n');
    screen.show(['one', 'two']);
    screen.out('second\n');
    screen.show(['three']);
    expect(await terminal.text()).toEqual(['first', 'second', 'three']);
    terminal.end();
    expect(await terminal.text()).toEqual(['first', 'second']);
    screen.show([]);
    screen.err('last\n');
    expect(await terminal.text()).toEqual(['first', 'second', 'last']);
  });

  it('never take a line that was written with them, however the terminal changes', async () => {
    const letters = fc.constantFrom('a', 'é', '字', '👩‍👧', ' ', '1');
    const line = fc
      .array(letters, { minLength: 1, maxLength: 90 })
      .map((all) => all.join('').trim())
      .filter((text) => text !== '');
    const act = fc.oneof(
      { weight: 4, arbitrary: line.map((text) => ({ kind: 'log' as const, text })) },
      {
        weight: 4,
        arbitrary: fc
          .array(line, { maxLength: 9 })
          .map((lines) => ({ kind: 'show' as const, lines })),
      },
      fc.record({
        kind: fc.constant('size' as const),
        columns: fc.integer({ min: 5, max: 90 }),
        rows: fc.integer({ min: 3, max: 15 }),
      }),
      fc.constant({ kind: 'stop' as const }),
      fc.constant({ kind: 'echo' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const terminal = emulator(40, 8);
        const screen = new Screen(terminal);
        const said: string[] = [];
        for (const [i, each] of acts.entries()) {
          if (each.kind === 'log') {
            // Numbered, so that no line is found in another.
            const text = `<${i}>${each.text}<${i}>`;
            said.push(text);
            screen.err(`${text}\n`);
          } else if (each.kind === 'show') screen.show(each.lines.map((text) => `| ${text}`));
          else if (each.kind === 'size') await terminal.resize(each.columns, each.rows);
          else if (each.kind === 'stop') await terminal.continueAfter(`<${i}>shell\n`);
          else terminal.err('^C');
        }
        screen.show([]);
        const whole = (await terminal.text()).join('\n').replaceAll(/[\s]/g, '');
        for (const text of said) expect(whole).toContain(text.replaceAll(/[\s]/g, ''));
      }),
      { numRuns: 60, seed: 12 },
    );
  });

  it('are cut where the screen ends, by the width that letters have', () => {
    expect(cutToWidth('größe', 5, 'end')).toBe('größe');
    expect(cutToWidth('größeres', 5, 'end')).toBe('größ…');
    expect(cutToWidth('東京タワー', 6, 'end')).toBe('東京…');
    expect(cutToWidth('a/東京/b.mp4', 7, 'front')).toBe('…/b.mp4');
    expect(cutToWidth('abc', 0, 'end')).toBe('');
    expect([widthOf('字'), widthOf('👩‍👧'), widthOf('é')]).toEqual([2, 2, 1]);
  });
});

describe('on a terminal', () => {
  it('a training leaves every line that it wrote, and nothing of its bar', async () => {
    const terminal = emulator(70, 10);
    const context = createContext({}, terminal, signal);
    const progress = createProgress(context);
    context.log.info('training in runs/00001-x');
    let bar: string | undefined;
    for (let step = 1; step <= 40; step += 1) {
      progress.update({ done: step, total: 40, unit: 'steps', framesPerSecond: 12.5 });
      if (step === 20) bar = (await terminal.text()).at(-1);
      if (step % 10 === 0) context.log.info(`step ${step}: held-out PSNR 18.${step} dB`);
      if (step === 35) {
        // The terminal echoes it where the cursor stands.
        terminal.err('^C');
        context.terminal.interject('stopping in order\n');
      }
    }
    progress.stop();
    expect(bar).toMatch(/^░+ 2% · 1\/40 steps · 12/);
    context.terminal.out('runs/00001-x\nnext: frameloom evaluate runs/00001-x\n');
    expect(await terminal.text()).toEqual([
      'training in runs/00001-x',
      ...[10, 20, 30].map((step) => `step ${step}: held-out PSNR 18.${step} dB`),
      'stopping in order',
      'step 40: held-out PSNR 18.40 dB',
      'runs/00001-x',
      'next: frameloom evaluate runs/00001-x',
    ]);
  });

  it('a batch shows what is under way, and leaves a line for each that is done', async () => {
    const terminal = emulator(50, 12);
    const context = createContext({}, terminal, signal);
    const view = createBatchView(context, 12);
    let bars: string[] = [];
    const jobs = Array.from({ length: 12 }, (_, i) => job(i + 1));
    for (const each of jobs) {
      view.show({ kind: 'started', job: each });
      view.show({ kind: 'frame', job: each, done: 5, total: 10 });
      if (each.index === 1) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        bars = await terminal.text();
      }
      view.show({ kind: 'done', job: each, result, seconds: 2 });
      if (each.index === 6) context.log.error('out/x.mp4: it is empty');
    }
    view.stop();
    expect(bars).toEqual(['████░░░░ 5/10 out/film-1.mp4', expect.stringMatching(/^░{8} 0\/12 · /)]);
    context.terminal.out('12 videos: 12 made\n');
    const text = await terminal.text();
    expect(text).toHaveLength(14);
    for (const { output } of jobs) expect(text.join('\n')).toContain(`${output}: 10 frames in 2s`);
  });

  it('the bar is of the time where that is what ends the work', async () => {
    const terminal = emulator(80);
    const progress = createProgress(createContext({}, terminal, signal));
    progress.update({ done: 94, total: 2000, unit: 'steps', timeShare: 0.5, etaSeconds: 16 });
    expect(await terminal.text()).toEqual(['██████████░░░░░░░░░░ 50% · 94 steps · 16s left']);
    progress.stop();
    expect(await terminal.text()).toEqual([]);
  });
});
