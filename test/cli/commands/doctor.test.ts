import { describe, expect, it } from 'vitest';
import type { AdapterFacts, AdapterLimits } from '../../../src/backend/index.js';
import {
  describe as inWords,
  doctor,
  judge,
  type Examination,
} from '../../../src/cli/commands/doctor/run.js';

const MIB = 2 ** 20;

const healthy: Omit<Examination, 'findings'> = {
  node: '20.20.2',
  platform: 'linux-x64',
  cores: 8,
  backend: {
    name: 'tensorflow',
    reason: 'not tensorflow-gpu: no NVIDIA card',
    passedOver: [{ name: 'tensorflow-gpu', why: 'no NVIDIA card' }],
    libtensorflow: '2.21.0',
    threads: { intraOp: 8, interOp: 8 },
    oneDnn: 'as TensorFlow chooses',
    gpus: [],
  },
  webgpu: { adapter: null, passedOver: 'it is not set up' },
  ffmpeg: {
    ffmpegPath: '/usr/bin/ffmpeg',
    ffprobePath: '/usr/bin/ffprobe',
    fpsMode: true,
    version: '7.1.1',
    source: 'path',
    ffprobeSource: 'path',
    reason: 'it is on PATH',
  },
  memory: { totalBytes: 16384 * MIB, freeBytes: 8192 * MIB },
  disk: { folder: '/home/me', freeBytes: 102400 * MIB },
};

describe('judge', () => {
  it('has nothing to say about a healthy machine', () => {
    expect(judge(healthy)).toEqual([]);
  });

  it('advises on what is less than it could be', () => {
    const poor = judge({
      ...healthy,
      backend: {
        name: 'wasm',
        reason: 'not tensorflow: native TensorFlow is not set up',
        passedOver: [{ name: 'tensorflow-gpu', why: 'its GPU build is not set up' }],
        gpus: [{ name: 'NVIDIA T4' }],
      },
      ffmpeg: { ...healthy.ffmpeg!, version: 'N-47683', source: 'package' },
      memory: { totalBytes: 1024 * MIB, freeBytes: MIB },
      disk: { folder: '/home/me', freeBytes: 100 * MIB },
    });
    expect(poor.map(({ about, severity, message }) => `${severity} ${about}: ${message}`)).toEqual([
      'advice backend: wasm trains about 100 times slower than native TensorFlow (not tensorflow: native TensorFlow is not set up)',
      'advice backend: an NVIDIA card is there and not used (its GPU build is not set up)',
      'advice ffmpeg: ffmpeg N-47683 is the old one that set-up fetched from npm',
      'advice memory: this machine has 1.00 GiB of memory',
      'advice disk: /home/me has 100.0 MiB free',
    ]);
    expect(poor.every(({ mend }) => mend !== '')).toBe(true);
  });

  it('finds a Node that is too old', () => {
    expect(judge({ ...healthy, node: '18.19.0' })).toEqual([
      {
        about: 'node',
        severity: 'missing',
        message: 'Node 18.19.0 is too old',
        mend: 'install Node 20 or newer',
      },
    ]);
  });
});

describe('the words', () => {
  it('puts it in words', () => {
    expect(inWords({ ...healthy, findings: [] }, true)).toBe(
      [
        'Node        20.20.2 (linux-x64, 8 cores)',
        'backend     tensorflow (not tensorflow-gpu: no NVIDIA card)',
        'TensorFlow  libtensorflow 2.21.0',
        'threads     8 inside an operation, 8 between operations',
        'oneDNN      as TensorFlow chooses',
        'GPU         no NVIDIA card',
        'WebGPU      it is not set up',
        'ffmpeg      7.1.1, /usr/bin/ffmpeg (it is on PATH)',
        'ffprobe     /usr/bin/ffprobe',
        'memory      8.00 GiB free of 16.00 GiB',
        'disk        100.00 GiB free at /home/me',
        'ready',
        '',
      ].join('\n'),
    );
  });

  it('says what WebGPU finds, and why it is not used', () => {
    const limits = {
      maxBufferSize: 2 ** 32,
      maxStorageBufferBindingSize: 2 ** 31,
    } as AdapterLimits;
    const adapter: AdapterFacts = {
      ...{ vendor: 'nvidia', architecture: 'hopper', device: '', description: 'NVIDIA H100' },
      ...{ isSoftware: false, limits },
    };
    const text = (passedOver: string | null) =>
      inWords({ ...healthy, webgpu: { adapter, passedOver }, findings: [] }, true);
    const line = 'WebGPU      nvidia, hopper, NVIDIA H100; tensors up to 2.00 GiB; ';
    expect(text('it is taken by name alone')).toContain(`${line}it is taken by name alone\n`);
    expect(text(null)).toContain(`${line}used\n`);
  });

  it('says how to mend what is missing', () => {
    const text = inWords(
      {
        ...healthy,
        ffmpeg: null,
        findings: [
          {
            about: 'ffmpeg',
            severity: 'missing',
            message: 'no ffmpeg was found',
            mend: 'install it',
          },
        ],
      },
      false,
    );
    expect(text).toContain('ffmpeg      none\n');
    expect(text).toContain('missing: no ffmpeg was found\n  mend it: install it\n');
    expect(text.endsWith('not ready: mend what is missing above\n')).toBe(true);
  });
});

describe('doctor', () => {
  it('gives the same as JSON, of this machine', async () => {
    let text = '';
    const { ok } = await doctor({ json: true, write: (part) => void (text += part) });
    const report = JSON.parse(text) as Examination & { ok: boolean };
    expect(report.ok).toBe(ok);
    expect(report.node).toBe(process.versions.node);
    expect(report.backend?.name).toMatch(/^(tensorflow(-gpu)?|wasm|cpu)$/);
    expect(report.memory.totalBytes).toBeGreaterThan(0);
    expect(report.webgpu.passedOver).toMatch(/^it |is no graphics card/);
    expect(ok).toBe(report.findings.every(({ severity }) => severity !== 'missing'));
  });

  it('reports a backend that was asked for and cannot be understood as missing', async () => {
    const before = process.env.FRAMELOOM_BACKEND;
    process.env.FRAMELOOM_BACKEND = 'abacus';
    try {
      let text = '';
      const { ok } = await doctor({ json: false, write: (part) => void (text += part) });
      expect(ok).toBe(false);
      expect(text).toContain('missing: FRAMELOOM_BACKEND is "abacus"\n  mend it: use one of auto');
    } finally {
      if (before === undefined) delete process.env.FRAMELOOM_BACKEND;
      else process.env.FRAMELOOM_BACKEND = before;
    }
  });
});
