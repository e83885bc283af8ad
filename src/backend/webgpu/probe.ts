import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../../base/error.js';
import { factsOf, LIMITS, webgpuParts, type AdapterFacts, type GpuAdapter } from './dawn.js';
import { webgpuAdapter, whyNotByItself } from './load.js';

export interface WebgpuReport {
  /** The card that it finds; null where it finds none. */
  readonly adapter: AdapterFacts | null;
  /** Why it is not what is used; null where it is. */
  readonly passedOver: string | null;
}

/** Of plain Node: asks for a card, and says what it is. */
const ASK = `
  const [, addon, limits] = process.argv;
  require(addon).create([]).requestAdapter({ powerPreference: 'high-performance' }).then((adapter) => {
    if (adapter === null) return process.exit(0);
    const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));
    const info = pick(adapter.info, ['vendor', 'architecture', 'device', 'description', 'isFallbackAdapter']);
    process.stdout.write(JSON.stringify({ info, limits: pick(adapter.limits, JSON.parse(limits)) }), () => process.exit(0));
  });
`;

/**
 * What WebGPU would run on, and why it is not used. A process of its own asks: a driver may write what it likes, and end
 * the process that loads it.
 */
export async function probeWebgpu(): Promise<WebgpuReport> {
  const used = webgpuAdapter();
  if (used !== undefined) return { adapter: used, passedOver: null };
  const parts = webgpuParts();
  if (parts === undefined) return { adapter: null, passedOver: whyNotByItself() };
  let text: string;
  try {
    const words = ['-e', ASK, parts.addon, JSON.stringify(LIMITS)];
    ({ stdout: text } = await promisify(execFile)(process.execPath, words, { timeout: 20_000 }));
  } catch (error) {
    const { signal } = error as { readonly signal?: string | null };
    const why = signal ? `asking for a card ended by ${signal}` : messageOf(error).split('\n')[0]!;
    return { adapter: null, passedOver: `it does not load: ${why}` };
  }
  if (text === '') {
    return { adapter: null, passedOver: 'it finds no graphics card with a driver for it' };
  }
  const adapter = factsOf(JSON.parse(text) as GpuAdapter);
  return { adapter, passedOver: whyNotByItself(adapter) };
}
