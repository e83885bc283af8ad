import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import {
  loadPipeline,
  parsePipeline,
  pipelineToYaml,
  type LoadOptions,
} from '../../src/pipeline/load.js';

const read = (text: string, options: LoadOptions = {}) =>
  parsePipeline(text, 'pipelines/x.yaml', { cwd: '/home/me', ...options }).pipeline;

/** Every line of the error that the text gives. */
function problems(text: string, options: LoadOptions = {}): string[] {
  try {
    read(text, options);
  } catch (error) {
    if (isFrameloomError(error)) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** Losses of which the warp alone has a weight. */
const weights = (warp: number): string =>
  `{frameAdversarial: 0, sequenceAdversarial: 0, featureMatching: 0, reconstruction: 0, rawReconstruction: 0, warp: ${warp}, flowSmoothness: 0, r1: 1}`;

const NOTHING =
  'nothing is left to learn: warp and flowSmoothness are of a generator with flow, sequenceAdversarial of sequence discriminators, and no other term has a weight';

describe('reading a pipeline', () => {
  it('fills every default in, the name from the file', () => {
    const pipeline = read('');
    expect(pipeline.name).toBe('x');
    expect(pipeline.seed).toBe(1);
    expect(pipeline.training.optimizer.beta1).toBe(0.5);
    expect(read('# only a comment\n')).toEqual(pipeline);
  });

  it('has outlines grow where their frames halve and can be read then, and nothing else', () => {
    const outlines = 'condition: {kind: derived, preset: edges}';
    const growingOf = (data: string, growing = ''): unknown =>
      read(`data: {${data}}\n${growing && `training: {growing: ${growing}}`}`).training.growing;
    const half = { divideBy: 2, untilSteps: '50%', leastSteps: 1000 };
    expect(growingOf(`size: 128x72, ${outlines}`)).toEqual(half);
    expect(growingOf(`size: 128x72, ${outlines}`, 'off')).toBe('off');
    const others = [
      'size: 128x72, condition: {kind: derived, preset: grey}',
      'size: 128x72, condition: {kind: none}',
      `size: 124x72, ${outlines}`,
      `size: 96x64, ${outlines}`,
      `size: 256x144, patch: 128x72, ${outlines}`,
    ];
    expect(others.map((data) => growingOf(data, 'auto'))).toEqual(others.map(() => 'off'));
  });

  it('gives the same pipeline from its own text', () => {
    for (const text of [
      '',
      'data: {clips: a.mp4, fps: 29.97, condition: grey, cache: {memoryBytes: 1GiB}}',
      'training: {gradientCheckpointing: {every: 4}}\ngenerator: {channels: 8}',
      'data: {condition: {kind: paired, content: labels, path: "{folder}/{name}.png", classes: 3}}',
    ]) {
      const once = read(text);
      expect(read(pipelineToYaml(once))).toEqual(once);
    }
  });

  it.each([
    ['training:\n  steps: many', ':2 training.steps: expected a whole number ≥ 1, got "many"'],
    ['training:\n  stpes: 4', ':2 training.stpes: unknown key; did you mean steps?'],
    ['\n\nsteps: 4', ':3 steps: unknown key; did you mean training.steps?'],
    ['seed: -1', ':1 seed: expected a whole number ≥ 0, got -1'],
    ['seed: .inf', ':1 seed: expected a whole number ≥ 0, got Infinity'],
    ['seed: 1e999', ':1 seed: expected a whole number ≥ 0, got Infinity'],
    [
      'data: {size: 128x72, patch: 64x80}',
      ':1 data.patch: 64x80 is no part of frames of 128x72: both sides must be as long at the most',
    ],
    [
      'data: {size: 128x72, patch: 128x72}',
      ':1 data.patch: 128x72 is all of frames of 128x72: leave it out to train on whole ones',
    ],
    [
      'data: {patch: 50x32}',
      ':1 data.patch: 50x32 does not fit the generator: both sides must be multiples of 4 and at least 16; use 48x32 or 52x32',
    ],
    [
      'data: {size: 100x60}\ntraining: {growing: {}}',
      ':2 training.growing.divideBy: 100x60 cannot be divided by 2: the generator makes sides that are multiples of 4 and at least 16, as of a data.size of 104x64',
    ],
    [
      'training: {steps: 90, growing: {untilSteps: 90}}',
      ':1 training.growing.untilSteps: 90 is not before the end of 90 steps: frames would never be of data.size',
    ],
    [
      'training: {growing: {untilSteps: 100%}}',
      ':1 training.growing.untilSteps: expected less than 100%: at the end frames are of data.size',
    ],
    ['training: {rollout: 3}', ':1 training.rollout: expected a map, got 3'],
    ['training:\n  rollout:', ':2 training.rollout: expected a map, got nothing (null)'],
    [`losses: ${weights(0)}`, `:1 losses: ${NOTHING}`],
    [`generator: {flow: false}\nlosses: ${weights(1)}`, `:2 losses: ${NOTHING}`],
    [
      'losses:\n  warp: 1\n  adversarial: LSGAN',
      ':3 losses.adversarial: expected lsgan, hinge, non-saturating or relativistic, got "LSGAN"; did you mean lsgan?',
    ],
    [
      'training: {gradientCheckpointing: some}',
      ':1 training.gradientCheckpointing: expected off, auto or a map, got "some"',
    ],
    [
      'training:\n  gradientCheckpointing:\n    every: 0',
      ':3 training.gradientCheckpointing.every: expected a whole number ≥ 1, got 0',
    ],
    [
      'training:\n  evaluateEverySteps: 0%',
      ':2 training.evaluateEverySteps: expected a number of steps or a share of all of them above 0%, such as 5%, got "0%"',
    ],
    [
      'training:\n  stability:\n    motionAbove: 0.2',
      ':3 training.stability.motionBelow: is 0.3, not below motionAbove, 0.2: any motion would be too little or too much; give both',
    ],
    [
      'data:\n  condition:\n    kind: pared',
      ':3 data.condition.kind: expected none, derived, paired or actions, got "pared"; did you mean paired?',
    ],
    [
      'data:\n  condition:\n    kind: derived\n    preset: edges\n    lwo: 0.1',
      ':5 data.condition.lwo: unknown key; did you mean low?',
    ],
    [
      'sequenceDiscriminator:\n  temporalStrides: [1, 1, 1, 1, 1]',
      ':2 sequenceDiscriminator.temporalStrides: expected at most 4 items, got a list of 5',
    ],
    [
      'data: {condition: {kind: paired, content: labels, path: b, classes: 3, remap: {-1: 0}}}',
      ':1 data.condition.remap: "-1" is no id of a map, such as 7 or 24-33, from 0 to 65535',
    ],
    [
      'data: {condition: {kind: paired, content: labels, path: b, classes: 0}}',
      ':1 data.condition.classes: expected a whole number ≥ 1 and ≤ 256, got 0',
    ],
    [
      'name: a b',
      ':1 name: a name holds letters, digits, ".", "_" and "-" only, and begins with a letter or digit, got "a b"',
    ],
    ['data:\n  clips: [a.mp4, ""]', ':2 data.clips.1: expected a text that is not empty, got ""'],
  ])('names what is wrong with %j', (text, message) => {
    expect(problems(text)).toEqual([`pipelines/x.yaml${message}`]);
  });

  it('names every problem, not the first only', () => {
    expect(problems('seed: x\ntraining:\n  steps: 0\n  batsh: 2\n')).toEqual([
      'pipelines/x.yaml:1 seed: expected a whole number ≥ 0, got "x"',
      'pipelines/x.yaml:3 training.steps: expected a whole number ≥ 1, got 0',
      'pipelines/x.yaml:4 training.batsh: unknown key; did you mean batch?',
    ]);
  });

  it('says where a text is not YAML, or is not a map', () => {
    expect(problems('data:\n  clips: [a')[0]).toMatch(/^pipelines\/x\.yaml:2:\d+ is not YAML: /);
    expect(problems('- a')).toEqual(['pipelines/x.yaml:1 is not a map of sections']);
  });

  it('names an alias that has no anchor', () => {
    expect(problems('*!').join()).toContain('alias');
  });

  it('fails only with its own error, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(Array.isArray(problems(text))).toBe(true);
      }),
    );
  });

  it('reads files, and says when there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-'));
    try {
      await writeFile(join(folder, 'mine.yaml'), 'data: {clips: [a.mp4]}\n');
      const { pipeline, baseFolder } = await loadPipeline('mine.yaml', { cwd: folder });
      expect(pipeline.name).toBe('mine');
      expect(pipeline.data.clips).toEqual([join(folder, 'a.mp4')]);
      expect(baseFolder).toBe(folder);
      await expect(loadPipeline('none.yaml', { cwd: folder })).rejects.toMatchObject({
        code: 'not-found',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('overrides', () => {
  it('are YAML values by dotted path, the last one winning', () => {
    const pipeline = read('training: {steps: 5}', {
      set: [
        'training.steps=7',
        'training.steps=9',
        'sequenceDiscriminator.temporalStrides=[1, 3]',
        'training.gradientCheckpointing={every: 2}',
        'data.augment.flip=true',
        'data.condition=none',
      ],
    });
    expect(pipeline.training.steps).toBe(9);
    expect(pipeline.sequenceDiscriminator.temporalStrides).toEqual([1, 3]);
    expect(pipeline.training.gradientCheckpointing).toEqual({ every: 2 });
    expect(pipeline.data.augment.flip).toBe(true);
    expect(pipeline.data.condition.kind).toBe('none');
  });

  it('change single items of a list', () => {
    const text = 'sequenceDiscriminator: {temporalStrides: [1, 2]}';
    const set = ['sequenceDiscriminator.temporalStrides.1=4'];
    expect(read(text, { set }).sequenceDiscriminator.temporalStrides).toEqual([1, 4]);
    expect(problems(text, { set: ['sequenceDiscriminator.temporalStrides.9=4'] })).toEqual([
      expect.stringContaining('has no item 9'),
    ]);
  });

  it('are named in what is wrong with them', () => {
    expect(problems('training:\n  steps: 5', { set: ['training.stpes=5', 'seed=x'] })).toEqual([
      '--set seed=x: seed: expected a whole number ≥ 0, got "x"',
      '--set training.stpes=5: training.stpes: unknown key; did you mean steps?',
    ]);
    expect(problems('', { set: ['training.steps'] })[0]).toContain('does not name a key');
    expect(problems('', { set: ['=5'] })[0]).toContain('does not name a key');
    expect(problems('', { set: ['a=[1'] })[0]).toContain('--set a=[1: ');
    expect(problems('data: {condition: edges}', { set: ['data.condition.low=1'] })[0]).toContain(
      'data.condition is "edges", which has no keys',
    );
  });

  it('cannot reach a prototype', () => {
    expect(problems('', { set: ['__proto__.polluted=1'] })[0]).toContain('unknown key');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('paths', () => {
  const labels =
    'condition: {kind: paired, content: labels, path: "l/{name}.png", palette: p.json}';

  it('of a file are relative to it, those of the command line to the working folder', () => {
    const text = `data: {clips: [a.mp4, /b.mp4], ${labels}}`;
    const own = read(text).data;
    expect(own.clips).toEqual(['/home/me/pipelines/a.mp4', '/b.mp4']);
    expect(own.condition).toMatchObject({
      path: '/home/me/pipelines/l/{name}.png',
      palette: '/home/me/pipelines/p.json',
    });
    const given = read(text, { clips: ['c.mp4'], set: ['data.condition.palette=q.json'] }).data;
    expect(given.clips).toEqual(['/home/me/c.mp4']);
    expect(given.condition).toMatchObject({
      path: '/home/me/pipelines/l/{name}.png',
      palette: '/home/me/q.json',
    });
    expect(read(text, { set: ['data.clips=[d.mp4]'] }).data.clips).toEqual(['/home/me/d.mp4']);
  });

  it('of templates that begin at the clip stay so', () => {
    const text = 'data: {condition: {kind: paired, content: image, path: "{folder}/{name}.png"}}';
    expect(read(text).data.condition).toMatchObject({ path: '{folder}/{name}.png' });
  });
});
