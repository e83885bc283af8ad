import { describe, expect, it } from 'vitest';
import { climb, resolvePreference, type Rung } from '../../src/backend/ladder.js';
import { FrameloomError } from '../../src/base/error.js';
import { createLogger } from '../../src/base/log.js';

const good = (name: Rung['name'], family: Rung['family']): Rung => ({
  name,
  family,
  load: () => Promise.resolve({}),
});
const bad = (name: Rung['name'], family: Rung['family'], why: string): Rung => ({
  name,
  family,
  load: () => Promise.reject(new Error(why)),
});

function listen() {
  const lines: string[] = [];
  return { lines, log: createLogger({ write: (line) => void lines.push(line.trimEnd()) }) };
}

describe('climb', () => {
  it('takes the first rung that loads and says why not a better one', async () => {
    const { lines, log } = listen();
    const rungs = [
      bad('tensorflow-gpu', 'tensorflow', 'no NVIDIA card'),
      good('tensorflow', 'tensorflow'),
      bad('wasm', 'wasm', 'never reached'),
    ];
    expect(await climb(rungs, 'auto', log)).toEqual({
      name: 'tensorflow',
      reason: 'not tensorflow-gpu: no NVIDIA card',
      passedOver: [{ name: 'tensorflow-gpu', why: 'no NVIDIA card' }],
    });
    expect(lines).toEqual(['backend: tensorflow (not tensorflow-gpu: no NVIDIA card)']);
  });

  it('warns below native how slow training will be', async () => {
    const { lines, log } = listen();
    await climb(
      [bad('tensorflow', 'tensorflow', 'is not set up\nmore'), good('wasm', 'wasm')],
      'auto',
      log,
    );
    expect(lines).toEqual([
      'warning: backend: wasm (not tensorflow: is not set up); training will be about 100 times slower than on native TensorFlow (run: npm run setup; doctor says what is missing)',
    ]);
  });

  it('stops where native TensorFlow is needed and nobody insists on another', async () => {
    let loaded = '';
    const rungs: Rung[] = [
      bad('tensorflow-gpu', 'tensorflow', 'no NVIDIA card'),
      bad('tensorflow', 'tensorflow', 'native TensorFlow is not set up'),
      {
        name: 'wasm',
        family: 'wasm',
        load: () => Promise.resolve({}).finally(() => void (loaded += 'wasm')),
      },
    ];
    const { lines, log } = listen();
    const error = await climb(rungs, 'auto', log, true).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'backend',
      message:
        'this takes about 100 times as long without native TensorFlow (native TensorFlow is not set up)',
      hint: "run: npm run setup; or insist: prefer: 'wasm', FRAMELOOM_BACKEND=wasm",
    });
    expect({ loaded, lines }).toEqual({ loaded: '', lines: [] });
    expect(await climb(rungs, 'wasm', log, true)).toMatchObject({ name: 'wasm' });
    expect(loaded).toBe('wasm');
  });

  it('tells a rung whether it was named, and says what that has to say', async () => {
    const { lines, log } = listen();
    const told: boolean[] = [];
    const loaded = [{ about: 'a card' }, { about: 'no card', warning: 'far slower' }];
    const rung: Rung = {
      ...{ name: 'webgpu', family: 'webgpu' },
      load: (byName) => {
        told.push(byName);
        return Promise.resolve(loaded.shift()!);
      },
    };
    await climb([rung], 'webgpu', log);
    await climb([rung], 'auto', log);
    expect(told).toEqual([true, false]);
    expect(lines).toEqual([
      'backend: webgpu (webgpu was asked for) on a card',
      'warning: backend: webgpu (it is the best there is) on no card; far slower',
    ]);
  });

  it('takes what was asked for although there is a better one', async () => {
    const rungs = [good('tensorflow', 'tensorflow'), good('cpu', 'cpu')];
    expect(await climb(rungs, 'cpu')).toMatchObject({ name: 'cpu', reason: 'cpu was asked for' });
  });

  it('fails with why and what to do when what was asked for cannot be had', async () => {
    const rungs = [
      bad('tensorflow-gpu', 'tensorflow', 'no NVIDIA card'),
      bad('tensorflow', 'tensorflow', 'native TensorFlow is not set up'),
      good('wasm', 'wasm'),
    ];
    const error = await climb(rungs, 'tensorflow').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FrameloomError);
    expect(error).toMatchObject({
      code: 'backend',
      message:
        'the tensorflow backend cannot be used (tensorflow-gpu: no NVIDIA card; tensorflow: native TensorFlow is not set up)',
      hint: 'run: npm run setup; doctor says what is missing',
    });
  });
});

describe('resolvePreference', () => {
  it('lets the caller go before the environment', () => {
    expect(resolvePreference('cpu', { FRAMELOOM_BACKEND: 'wasm' })).toBe('cpu');
    expect(resolvePreference('auto', { FRAMELOOM_BACKEND: 'wasm' })).toBe('wasm');
    expect(resolvePreference(undefined, { FRAMELOOM_BACKEND: 'wasm' })).toBe('wasm');
    expect(resolvePreference(undefined, { FRAMELOOM_BACKEND: '' })).toBe('auto');
    expect(resolvePreference(undefined, {})).toBe('auto');
  });

  it('refuses a word that it does not know', () => {
    expect(() => resolvePreference(undefined, { FRAMELOOM_BACKEND: 'abacus' })).toThrow(
      expect.objectContaining({
        code: 'bad-option',
        message: 'FRAMELOOM_BACKEND is "abacus"',
        hint: 'use one of auto, tensorflow, webgpu, wasm, cpu',
      }),
    );
  });
});
