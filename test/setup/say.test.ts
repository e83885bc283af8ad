import { describe, expect, it } from 'vitest';
import { SetupError, errorLine, progressText, startProgress } from '../../scripts/setup/say.mjs';

describe('errorLine', () => {
  it('is one line, whatever was thrown', () => {
    expect(errorLine(new SetupError('no pip', 'install it'))).toBe(
      'setup: error: no pip — install it',
    );
    expect(errorLine(new Error('first\n  second\n'))).toBe('setup: error: first second ');
    expect(errorLine('plain')).toBe('setup: error: plain');
  });
});

describe('progressText', () => {
  it('tells the part, the rate and the time left', () => {
    expect(progressText('x', { doneBytes: 50e6, totalBytes: 200e6, elapsedMs: 10_000 })).toBe(
      'x: 25 % of 200 MB, 5 MB/s, 30 s left',
    );
  });

  it('tells bytes while the size is not known', () => {
    expect(progressText('x', { doneBytes: 1.5e9, elapsedMs: 0 })).toBe('x: 1.50 GB');
  });

  it('never passes 100 %', () => {
    expect(progressText('x', { doneBytes: 300, totalBytes: 200, elapsedMs: 0 })).toContain('100 %');
  });
});

describe('startProgress', () => {
  function follow(isTTY: boolean) {
    const written: string[] = [];
    let ms = 0;
    const stream = { isTTY, write: (text: string) => void written.push(text) };
    const progress = startProgress('get', { totalBytes: 100e6, stream, now: () => ms });
    return { written, progress, wait: (more: number) => void (ms += more) };
  }

  it('rewrites one line on a terminal and clears it', () => {
    const { written, progress, wait } = follow(true);
    wait(1000);
    progress.update(10e6, undefined);
    wait(1000);
    progress.update(50e6, undefined);
    progress.done();
    expect(written).toEqual([
      '\r\u001b[Ksetup: get: 10 % of 100 MB, 10 MB/s, 9 s left',
      '\r\u001b[Ksetup: get: 50 % of 100 MB, 25 MB/s, 2 s left',
      '\r\u001b[K',
    ]);
  });

  it('prints a line now and then elsewhere', () => {
    const { written, progress, wait } = follow(false);
    for (let i = 1; i <= 12; i++) {
      wait(1000);
      progress.update(i * 1e6, undefined);
    }
    progress.done();
    expect(written).toEqual([
      'setup: get: 5 % of 100 MB, 1 MB/s, 95 s left\n',
      'setup: get: 10 % of 100 MB, 1 MB/s, 90 s left\n',
    ]);
  });
});
