import { describe, expect, it } from 'vitest';
import { createContext } from '../../../src/cli/terminal/context.js';
import { createProgress, progressLine } from '../../../src/cli/terminal/progress.js';
import { recorder } from '../support.js';

const { signal } = new AbortController();

describe('progress', () => {
  it('is one line with all figures', () => {
    const line = progressLine({
      done: 20,
      total: 100,
      unit: 'steps',
      framesPerSecond: 12.34,
      losses: { generator: 1.23456, discriminator: 0.5 },
      etaSeconds: 125,
      tensorBytes: 3 * 2 ** 20,
      residentBytes: 2 ** 30,
    });
    expect(line).toBe(
      '20/100 steps · 12.3 frames/s · generator 1.23 · discriminator 0.500 · 2m05s left · tensors 3.0 MiB · process 1.00 GiB',
    );
    expect(progressLine({ done: 3, unit: 'frames' })).toBe('3 frames');
  });

  it('is a line each ten seconds where there is no terminal', () => {
    const terminal = recorder();
    let ms = 0;
    const view = createProgress(createContext({}, terminal, signal), { now: () => ms });
    for (let done = 0; done <= 25; done += 1) {
      ms = done * 1000;
      view.update({ done, total: 25, unit: 'steps' });
    }
    view.stop();
    expect(terminal.stderr).toBe('0/25 steps\n10/25 steps\n20/25 steps\n');
  });

  it('carries its figures in JSON lines', () => {
    const terminal = recorder();
    const context = createContext({ logJson: true }, terminal, signal);
    createProgress(context).update({ done: 1, unit: 'frames' });
    expect(JSON.parse(terminal.stderr)).toMatchObject({ progress: { done: 1, unit: 'frames' } });
  });

  it('is silent when asked to be', () => {
    const terminal = recorder();
    const view = createProgress(createContext({ quiet: true }, terminal, signal));
    view.update({ done: 1, unit: 'frames' });
    view.stop();
    expect(terminal.stderr).toBe('');
  });
});
