import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsOf, nextLines } from '../../../src/cli/terminal/next.js';
import { parsePipeline } from '../../../src/pipeline/load.js';
import { scratchPath } from '../../video/make-clip.js';

const kindOf = (yaml: string, cwd = '/') => parsePipeline(yaml, join(cwd, 'p.yaml')).pipeline;
const words = (yaml: string, cwd?: string) =>
  commandsOf('runs/my run', kindOf(yaml, cwd)).map((line) => line.replace(/^.*?frameloom /, ''));

describe('what comes next', () => {
  it('fits the run', () => {
    expect(words('data: {clips: a.mp4}')).toEqual([
      "evaluate 'runs/my run'",
      "generate 'runs/my run' -i VIDEO -o generated.mp4",
    ]);
    const none = 'data: {clips: a.mp4, condition: none}';
    expect(words(none)[1]).toBe("sample 'runs/my run' -o sampled.mp4");
    expect(words(`${none}\ntraining: {coldStartFraction: 0}`)[1]).toBe(
      "sample 'runs/my run' --first-frame PICTURE -o sampled.mp4",
    );
    const labels = 'kind: paired, content: labels, classes: 3, path: "{name}-labels.mkv"';
    expect(words(`data: {clips: a.mp4, condition: {${labels}}}`)[1]).toBe(
      "generate 'runs/my run' -i LABELS -o generated.mp4",
    );
  });

  it('names what the run was trained on, where that is there', async () => {
    const folder = scratchPath('data of mine');
    await mkdir(folder);
    for (const name of ['a.mp4', 'a-labels.mkv']) await writeFile(join(folder, name), '');
    expect(words('data: {clips: a.mp4}', folder)[1]).toBe(
      `generate 'runs/my run' -i '${join(folder, 'a.mp4')}' -o generated.mp4`,
    );
    expect(words('data: {clips: .}', folder)[1]).toContain(" -o 'generated/{name}.mp4'");
    const labels = 'kind: paired, content: labels, classes: 3, path: "{folder}/{name}-labels.mkv"';
    expect(words(`data: {clips: a.mp4, condition: {${labels}}}`, folder)[1]).toContain(
      ` -i '${join(folder, 'a-labels.mkv')}' `,
    );
  });

  it('is one command a line', () => {
    expect(nextLines(['a', 'b'])).toBe('next: a\n      b\n');
  });
});
