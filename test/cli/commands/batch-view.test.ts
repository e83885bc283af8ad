import { describe, expect, it } from 'vitest';
import { FrameloomError } from '../../../src/base/error.js';
import {
  BatchTally,
  createBatchView,
  jsonLine,
} from '../../../src/cli/commands/generate/batch-view.js';
import { createContext, type GlobalFlags } from '../../../src/cli/terminal/context.js';
import type { BatchEvent, BatchJob } from '../../../src/synthesis/index.js';
import { recorder } from '../support.js';

const job = (index: number): BatchJob => ({
  ...{ index, input: `${index}.mp4`, output: `out/${index}.mp4`, seed: 1 },
});
const [a, b, c] = [job(1), job(2), job(3)];
const result = { frames: 10, durationSeconds: 0.4, width: 8, height: 8, format: 'mp4' } as const;
const failed = new FrameloomError('bad-input', 'it is empty', { hint: 'record it' });

const events: BatchEvent[] = [
  { kind: 'skipped', job: a },
  { kind: 'started', job: b },
  { kind: 'frame', job: b, done: 5, total: 10 },
  { kind: 'done', job: b, result, seconds: 2 },
  { kind: 'started', job: c },
  { kind: 'failed', job: c, error: failed },
];

/** What a view of these events leaves on standard error. */
function view(flags: GlobalFlags, interactive: boolean): string {
  const terminal = { ...recorder(), interactive };
  let stderr = '';
  terminal.err = (text) => void (stderr += text);
  const shown = createBatchView(createContext(flags, terminal, new AbortController().signal), 3);
  for (const event of events) shown.show(event);
  shown.stop();
  return stderr;
}

describe('the tally of a batch', () => {
  it('tells what is left by what was done', () => {
    let now = 0;
    const tally = new BatchTally(4, () => now);
    expect([tally.etaSeconds(), tally.words()]).toEqual([undefined, '0/4']);
    tally.add({ kind: 'skipped', job: a });
    expect(tally.words()).toBe('1/4');
    tally.add({ kind: 'started', job: b });
    now = 5000;
    tally.add({ kind: 'frame', job: b, done: 5, total: 10 });
    // Half a video in 5 s: two and a half are left.
    expect(tally.etaSeconds()).toBeCloseTo(25);
    now = 10_000;
    tally.add({ kind: 'done', job: b, result, seconds: 10 });
    expect(tally.words()).toBe('2/4 · 20s left');
  });
});

describe('the view of a batch', () => {
  it('is a line for each that is done, where there is no terminal', () => {
    expect(view({}, false)).toMatch(
      /^out\/2\.mp4: 10 frames in 2s, 5\.0 frames\/s · 2\/3 · \d+s left\n$/,
    );
    expect(view({ quiet: true }, false)).toBe('');
  });

  it('is a bar for each that runs, and one for all, on a terminal', () => {
    const drawn = view({}, true);
    expect(drawn).toContain('out/2.mp4: 10 frames in 2s, 5.0 frames/s\n');
    expect(drawn).toMatch(/[█░]{16} 1\/3/);
    expect(view({ quiet: true }, true)).toBe('');
  });
});

describe('the lines for programs', () => {
  it('tell of what has ended', () => {
    const lines = events.map(jsonLine).filter((line) => line !== undefined);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { status: 'skipped', ...a },
      { status: 'done', ...b, frames: 10, durationSeconds: 0.4, seconds: 2 },
      {
        ...{ status: 'failed', ...c },
        error: { code: 'bad-input', message: 'it is empty', hint: 'record it' },
      },
    ]);
    expect(lines.every((line) => line.endsWith('\n'))).toBe(true);
  });
});
