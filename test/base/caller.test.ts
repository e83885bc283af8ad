import { describe, expect, it } from 'vitest';
import { asCommandLine, asGiven } from '../../src/base/caller.js';
import { existsError } from '../../src/base/outputs.js';

describe('an option is called as its reader gives it', () => {
  const said = (): string => existsError('x.mp4').toLine();

  it('by flags while a command line is under way, however many there are', async () => {
    expect(said()).toContain('say overwrite: true to replace it');
    await Promise.all([
      asCommandLine(async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(said()).toContain('say --overwrite (-y) to replace it');
      }),
      asCommandLine(() => Promise.resolve(expect(asGiven('-y', 'y: true')).toBe('-y'))),
    ]);
    await expect(asCommandLine(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(said()).toContain('overwrite: true');
  });
});
