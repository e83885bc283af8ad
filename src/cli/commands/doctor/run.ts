import { statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import {
  machineMemory,
  probeWebgpu,
  useBackend,
  type BackendReport,
  type MachineMemory,
  type WebgpuReport,
} from '../../../backend/index.js';
import { isFrameloomError } from '../../../base/error.js';
import { setupCommand } from '../../../base/own-package.js';
import { formatBytes } from '../../../base/units.js';
import { findFfmpeg, type FfmpegPrograms } from '../../../video/index.js';
import { formatFacts } from '../../report/table.js';

export interface DoctorOptions {
  /** One JSON object instead of words. */
  json: boolean;
  write: (text: string) => void;
}

/** Something that is missing, or less than it could be, and what to do about it. */
export interface Finding {
  readonly about: 'node' | 'backend' | 'ffmpeg' | 'memory' | 'disk';
  /** `missing` stops Frameloom from working; `advice` does not. */
  readonly severity: 'missing' | 'advice';
  readonly message: string;
  readonly mend: string;
}

/** All that a doctor looks at; a part that could not be had is null. */
export interface Examination {
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly backend: BackendReport | null;
  readonly webgpu: WebgpuReport;
  readonly ffmpeg: FfmpegPrograms | null;
  readonly memory: MachineMemory;
  readonly disk: { readonly folder: string; readonly freeBytes: number } | null;
  readonly findings: readonly Finding[];
}

const OLDEST_NODE = 20;
/** A run's snapshots, samples and decoded-frame cache fit below this, if barely. */
const LITTLE_DISK_BYTES = 2 * 2 ** 30;
const LITTLE_MEMORY_BYTES = 2 * 2 ** 30;
const INSTALL_FFMPEG =
  'install ffmpeg 4.4 or newer (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or set FRAMELOOM_FFMPEG';

/**
 * Says what Frameloom runs on here — backend, TensorFlow, ffmpeg, GPU, memory, disk — and how to mend
 * what is missing.
 *
 * @returns `ok` is false when something is missing without which Frameloom does not work
 */
export async function doctor({ json, write }: DoctorOptions): Promise<{ ok: boolean }> {
  const examination = await examine();
  const ok = examination.findings.every(({ severity }) => severity !== 'missing');
  write(json ? `${JSON.stringify({ ok, ...examination }, null, 2)}\n` : describe(examination, ok));
  return { ok };
}

async function examine(): Promise<Examination> {
  const failures: Finding[] = [];
  /** What it gives, or null and a finding. */
  const attempt = async <T>(about: Finding['about'], mend: string, get: () => Promise<T>) => {
    try {
      return await get();
    } catch (error) {
      if (!isFrameloomError(error)) throw error;
      const { message, hint = mend } = error;
      failures.push({ about, severity: 'missing', message, mend: hint });
      return null;
    }
  };
  const facts = {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    backend: await attempt('backend', `run: ${setupCommand()}`, () => useBackend()),
    webgpu: await probeWebgpu(),
    ffmpeg: await attempt('ffmpeg', INSTALL_FFMPEG, findFfmpeg),
    memory: machineMemory(),
    disk: await freeDisk(process.cwd()),
  };
  return { ...facts, findings: [...failures, ...judge(facts)] };
}

async function freeDisk(folder: string): Promise<Examination['disk']> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return { folder, freeBytes: bavail * bsize };
  } catch {
    return null; // some network file systems do not say
  }
}

/**
 * What is worth saying about what was found.
 *
 * @param facts an examination whose parts that are null have been reported already
 */
export function judge(facts: Omit<Examination, 'findings'>): Finding[] {
  const findings: Finding[] = [];
  const advise = (about: Finding['about'], message: string, mend: string): void =>
    void findings.push({ about, severity: 'advice', message, mend });
  const { node, backend, ffmpeg, memory, disk } = facts;
  if (Number.parseInt(node, 10) < OLDEST_NODE) {
    const mend = `install Node ${OLDEST_NODE} or newer`;
    findings.push({ about: 'node', severity: 'missing', message: `Node ${node} is too old`, mend });
  }
  if (backend !== null && !backend.name.startsWith('tensorflow')) {
    advise(
      'backend',
      `${backend.name} trains about 100 times slower than native TensorFlow (${backend.reason})`,
      `run: ${setupCommand()} (it says what it lacks; docs/install.md)`,
    );
  }
  if (backend !== null && backend.gpus.length > 0 && backend.name !== 'tensorflow-gpu') {
    const why = backend.passedOver.find((rung) => rung.name === 'tensorflow-gpu')?.why;
    advise(
      'backend',
      `an NVIDIA card is there and not used${why === undefined ? '' : ` (${why})`}`,
      `run: FRAMELOOM_DEVICE=gpu ${setupCommand()}`,
    );
  }
  if (ffmpeg?.source === 'package') {
    advise(
      'ffmpeg',
      `ffmpeg ${ffmpeg.version} is the old one that set-up fetched from npm`,
      INSTALL_FFMPEG,
    );
  }
  if (memory.totalBytes < LITTLE_MEMORY_BYTES) {
    advise(
      'memory',
      `this machine has ${formatBytes(memory.totalBytes)} of memory`,
      'train at small sizes with `gradientCheckpointing: auto`',
    );
  }
  if (disk !== null && disk.freeBytes < LITTLE_DISK_BYTES) {
    advise(
      'disk',
      `${disk.folder} has ${formatBytes(disk.freeBytes)} free`,
      'free space, or put runs on another disk with --run',
    );
  }
  return findings;
}

/** The card that WebGPU finds, the largest tensor that it takes, and why it is not used. */
function inWords({ adapter, passedOver }: WebgpuReport): string {
  const why = passedOver ?? 'used';
  if (adapter === null) return why;
  const { description, device, vendor, architecture, limits } = adapter;
  const name = [vendor, architecture, device, description].filter((text) => text !== '').join(', ');
  const most = formatBytes(Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize));
  return `${name}; tensors up to ${most}; ${why}`;
}

/** The examination in words. */
export function describe(examination: Examination, ok: boolean): string {
  const { node, platform, cores, backend, webgpu, ffmpeg, memory, disk, findings } = examination;
  const facts: [string, string][] = [['Node', `${node} (${platform}, ${cores} cores)`]];
  facts.push(['backend', backend === null ? 'none' : `${backend.name} (${backend.reason})`]);
  if (backend?.libtensorflow !== undefined) {
    facts.push(['TensorFlow', `libtensorflow ${backend.libtensorflow}`]);
  }
  if (backend?.threads !== undefined) {
    const { intraOp, interOp } = backend.threads;
    facts.push(['threads', `${intraOp} inside an operation, ${interOp} between operations`]);
  }
  if (backend?.oneDnn !== undefined) facts.push(['oneDNN', backend.oneDnn]);
  const cards = (backend?.gpus ?? []).map(({ name, memoryBytes }) =>
    memoryBytes === undefined ? name : `${name}, ${formatBytes(memoryBytes)}`,
  );
  facts.push(['GPU', cards.length === 0 ? 'no NVIDIA card' : cards.join('; ')]);
  facts.push(['WebGPU', inWords(webgpu)]);
  if (ffmpeg === null) facts.push(['ffmpeg', 'none']);
  else {
    facts.push(['ffmpeg', `${ffmpeg.version}, ${ffmpeg.ffmpegPath} (${ffmpeg.reason})`]);
    facts.push(['ffprobe', ffmpeg.ffprobePath]);
  }
  const { totalBytes, freeBytes } = memory;
  facts.push(['memory', `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`]);
  if (disk !== null) facts.push(['disk', `${formatBytes(disk.freeBytes)} free at ${disk.folder}`]);
  const lines = findings.map(
    ({ severity, message, mend }) => `${severity}: ${message}\n  mend it: ${mend}\n`,
  );
  const close = ok ? 'ready' : 'not ready: mend what is missing above';
  return [formatFacts(facts), ...lines, `${close}\n`].join('');
}
