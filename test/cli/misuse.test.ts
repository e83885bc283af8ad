import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip, scratchPath } from '../video/make-clip.js';
import { frameloom } from './support.js';

let words: Record<string, string>;

beforeAll(async () => {
  const folder = scratchPath('folder');
  await mkdir(folder);
  await writeFile(join(folder, 'empty.onnx'), '');
  words = {
    RUN: await makeRun(),
    CLIP: await makeClip({ frames: 3 }),
    FOLDER: folder,
    EMPTY: join(folder, 'empty.onnx'),
  };
});

const call = (line: string) =>
  frameloom(...line.split(' ').map((word) => words[word] ?? word.replace('FOLDER', words.FOLDER!)));

describe('a line that cannot be meant', () => {
  it.each([
    // Commands.
    ['gen', "unknown command 'gen' (did you mean generate?)"],
    ['e', 'did you mean evaluate or export?'],
    ['shema', 'Did you mean schema?'],
    ['mine.yaml', 'frameloom train mine.yaml?'],
    ['model.onnx', 'frameloom generate model.onnx …?'],
    ['RUN', 'did you mean '],
    ['nothing', '--help shows what there is'],
    // Options.
    ['generate --verison', 'Did you mean --version?'],
    [
      'evaluate RUN --jobs 2',
      "unknown option '--jobs' of evaluate (--jobs is an option of generate;",
    ],
    ['doctor -x', "unknown option '-x' of doctor"],
    ['generate RUN -i CLIP -o', "option '-o, --output <video>' argument missing"],
    ['--quiet doctor --verbose', 'contradict each other'],
    // Sweeps.
    ['sweep', 'the pipeline is missing'],
    ['sweep edges-to-video --clip CLIP --set seed=1,2', 'a sweep sets the seed itself'],
    ['sweep edges-to-video --clip CLIP --set losses.r1=0,,1', 'a value is empty'],
    ['sweep edges-to-video --clip CLIP --set losses.nothing=0,1', 'losses.nothing'],
    ['sweep --resume', '--resume goes on with a sweep that is not named'],
    ['sweep --resume -o FOLDER', 'there is no sweep in '],
    ['sweep edges-to-video --clip CLIP --snapshot best', '--snapshot does nothing without --from'],
    ['sweep --resume -o FOLDER --from FOLDER', '--from does nothing beside --resume'],
    ['sweep --resume -o FOLDER --seeds 2', '--seeds does nothing beside --resume'],
    // Words that are missing, or too many.
    ['generate', 'the run is missing'],
    ['generate RUN', 'the input (-i) and the output (-o) are missing (such as: '],
    ['generate RUN -o x.mp4', 'the input (-i) is missing (such as: '],
    ['generate RUN -i CLIP', '-o generated.mp4)'],
    [
      'generate RUN CLIP out.mp4',
      '"out.mp4" are 2 words too many for generate (an input is named with -i',
    ],
    ['sample -o x.mp4', 'the run is missing'],
    ['train', 'the pipeline is missing'],
    ['train --resume', 'the pipeline is missing'],
    ['train a.yaml --from b --resume', '--from and --resume contradict each other'],
    ['train a.yaml --snapshot best', '--snapshot does nothing without --resume or --from'],
    ['train --clip CLIP', 'the pipeline is missing: --clip took '],
    ['evaluate', 'the run is missing ('],
    ['train a.yaml b.mp4', '"b.mp4" is a word too many for train (a clip is named with --clip'],
    // Places.
    [
      'generate RUN -i https://example.org/a.mp4?x=1 -o x.mp4',
      'is an address, not a file (download it',
    ],
    ['generate RUN -i CLIP -o FOLDER', 'is a folder (name a file in it, such as'],
    [
      'generate RUN -i CLIP -o outdir/',
      'outdir/ is a folder (name a file in it, such as outdir/{name}.mp4',
    ],
    ['export RUN -o FOLDER', 'is a folder (name a file in it)'],
    ['export model.onnx', 'model.onnx is an exported file; a run’s folder is exported'],
    ['evaluate model.onnx', 'model.onnx is an exported file; a run’s folder is evaluated'],
    ['sample RUN -o {name}.mp4', '{name}.mp4 stands for many, and sample makes one'],
    ['sample RUN --loop many -o x.mp4', '--loop many is not a number of frames from 1'],
    // Codecs and qualities that there are not.
    ['generate RUN -i CLIP -o x.webm --codec hevc', 'webm holds no hevc (write mp4, mpegts'],
    ['generate RUN -i CLIP -o x.gif --codec h264', 'gif holds no h264 ('],
    [
      'generate RUN -i CLIP -o x.mp4 --codec x266',
      '"x266" is no codec that can be written (one of',
    ],
    ['generate RUN -i CLIP -o x.mp4 --crf 52', 'crf is 52, not between 0 and 51'],
    ['generate RUN -i CLIP -o x.mp4 --x264-preset quick', '"quick" is not a preset of x264'],
    ['generate RUN -i CLIP -o %d.jpg --quality 101', '"101" is not a quality from 1 to 100'],
    ['generate RUN -i CLIP -o x.mp4 --start 1:99', '"1:99" is not a time such as 12.5'],
    [
      '-q generate RUN -i CLIP -o FOLDER/x.webp',
      'x.webp holds one picture, and there are more frames (name a pattern such as ',
    ],
    ['-q generate RUN -i CLIP -o FOLDER/x.jpg --dry-run', 'x.jpg holds one picture'],
    ['sample RUN -o FOLDER/x.png', 'x.png holds one picture'],
    [
      'generate RUN -i CLIP -o x.mpegts',
      'x.mpegts has no extension that can be written (one of .mp4',
    ],
    [
      'export RUN --target unity --fp16',
      'unity does not compute in float16 (--fp16-weights halves',
    ],
    ['generate FOLDER -i CLIP -o x.mp4', 'is not a run: it has no pipeline.yaml (a run is'],
    ['evaluate none', 'none does not exist (a run is a folder that'],
    ['info EMPTY', 'empty.onnx is empty (0 bytes)'],
    ['info FOLDER', 'is a folder without a run and without pictures (name a video'],
    ['generate RUN -i CLIP -o x.mp4 --threads 9999', '"9999" is not a number of threads from 1 to'],
    ['generate RUN -i CLIP --dataset CLIP', 'is a file, and a data set is a folder'],
    ['generate RUN -i CLIP -o {nmae}.mp4', '{nmae} means nothing in {nmae}.mp4'],
    ['generate RUN -i CLIP --dataset x --dry-run', 'leave it out: --dry-run is of videos'],
    // Options that would do nothing.
    [
      'generate RUN -i CLIP -o x.mov --crf 20',
      '--crf does nothing for mov (leave it out, or write h264',
    ],
    ['generate RUN -i CLIP -o x.mp4 --codec av1 --x264-preset slow', 'does nothing for av1 in mp4'],
    ['generate RUN -i CLIP -o %d.png --quality 90', '--quality does nothing for png (leave it out'],
    ['generate RUN -i CLIP -o x.y4m --segment-frames 9', '--segment-frames does nothing for y4m'],
    ['schema -y', '--overwrite does nothing without -o'],
    ['plan a.yaml -y', '--overwrite does nothing without --plot'],
    ['export RUN -y', '--overwrite does nothing without -o'],
    ['evaluate RUN -y', '--overwrite does nothing without --strip'],
    ['train a.yaml --dry-run --run x', '--run does nothing beside --dry-run'],
    ['train a.yaml --dry-run --resume', '--resume does nothing beside --dry-run'],
    ['train a.yaml --dry-run --snapshot 3', '--snapshot does nothing without --resume or --from'],
    ['train a.yaml --dry-run --max-minutes 2', '--max-minutes does nothing beside --dry-run'],
    ['sample RUN --sheet 2x2 -o x.png --fps 3', '--fps does nothing for a sheet'],
    ['sample RUN --sheet 2x2 -o x.png --format mp4', '--format does nothing for a sheet'],
    ['sample RUN --sheet 2x2 -o x.png --output-pix-fmt gray', '--output-pix-fmt does nothing for'],
  ])('is told what is wrong and what to do: %s', async (line, message) => {
    const { code, stdout, stderr } = await call(line);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});

describe('options', () => {
  it('may stand in front of the run, also those of several words', async () => {
    const made = join(words.FOLDER!, 'made.mkv');
    const one = await call(`--quiet generate -i CLIP RUN -o ${made}`);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    const many = await call('-q generate -i CLIP RUN CLIP -o FOLDER/{name}-{index}.mkv');
    expect(many).toMatchObject({ code: 0, stderr: '' });
    const free = await makeRun({ data: { condition: 'none' } });
    const looped = await call(`-q sample --loop ${free} --frames 8 -o FOLDER/loop.mkv`);
    expect(looped).toMatchObject({ code: 0, stderr: '' });
    const none = await call('check --clip CLIP none.yaml');
    expect(none.stderr).toContain('cannot read the pipeline none.yaml');
  });
});
