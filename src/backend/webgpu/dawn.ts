import { createRequire } from 'node:module';
import { cacheFolder } from '../../base/cache-folder.js';
import { FrameloomError, messageOf } from '../../base/error.js';
import { setupCommand } from '../../base/own-package.js';
import { provided } from '../../base/provisions.mjs';

const require = createRequire(import.meta.url);

/** What WebGPU says of a graphics card and its driver. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A processor that stands in for a card. */
  readonly isSoftware: boolean;
  readonly limits: AdapterLimits;
}

/** Of the limits that WebGPU has, those that a training meets. */
export interface AdapterLimits {
  /** The largest tensor, in bytes. */
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

export const LIMITS: readonly (keyof AdapterLimits)[] = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
];

/** Of WebGPU's interfaces, which Dawn gives under their standard names, what is used here. */
export interface GpuDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  addEventListener(
    name: 'uncapturederror',
    listener: (event: { readonly error: Error; preventDefault(): void }) => void,
  ): void;
  createShaderModule(descriptor: { readonly code: string }): unknown;
  destroy(): void;
}

export interface GpuAdapter {
  readonly info: Readonly<
    Record<'vendor' | 'architecture' | 'device' | 'description', string> & {
      isFallbackAdapter?: boolean;
    }
  >;
  readonly limits: AdapterLimits;
  requestDevice(descriptor: {
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

interface Gpu {
  requestAdapter(options: {
    readonly powerPreference: 'high-performance';
  }): Promise<GpuAdapter | null>;
}

interface Dawn {
  create(flags: readonly string[]): Gpu;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** What set-up provided for this rung, by path: Dawn's addon, and TF.js's backend. */
export const webgpuParts = (): { addon: string; backend: string } | undefined => {
  const { addon, backend } = provided('webgpu', { cache: cacheFolder() })?.paths ?? {};
  return addon === undefined || backend === undefined ? undefined : { addon, backend };
};

/** Held for as long as the process lives: an adapter whose `GPU` is collected goes with it. */
let opened: Gpu | undefined;

/**
 * The best graphics card that WebGPU finds.
 * @throws FrameloomError `backend`, saying why there is none
 */
export async function openAdapter(): Promise<GpuAdapter> {
  const parts = webgpuParts();
  if (parts === undefined) {
    throw new FrameloomError('backend', 'WebGPU is not set up', {
      hint: `run: ${setupCommand('--webgpu')}`,
    });
  }
  if (opened === undefined) {
    let dawn: Dawn;
    try {
      dawn = require(parts.addon) as Dawn;
    } catch (error) {
      // An older C library than it was built with, or no Vulkan loader at all.
      throw new FrameloomError('backend', `WebGPU does not load: ${messageOf(error)}`, {
        cause: error,
      });
    }
    // TF.js asks for constants and classes by their standard names.
    for (const [name, value] of Object.entries(dawn.globals)) {
      if (!(name in globalThis)) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      }
    }
    opened = dawn.create([]);
  }
  const adapter = await opened.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter !== null) return adapter;
  throw new FrameloomError('backend', 'WebGPU finds no graphics card with a driver for it', {
    hint: 'on Linux it takes a Vulkan driver and its loader (libvulkan1); macOS and Windows bring their own',
  });
}

export function factsOf({ info, limits }: GpuAdapter): AdapterFacts {
  const { vendor, architecture, device, description, isFallbackAdapter = false } = info;
  return {
    ...{ vendor, architecture, device, description },
    // A renderer of the processor's that does not say so of itself is known by its name.
    isSoftware: isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|warp/i.test(description),
    limits: Object.fromEntries(
      LIMITS.map((name) => [name, limits[name]]),
    ) as unknown as AdapterLimits,
  };
}

/** A card in a few words. */
export const adapterName = ({ description, device, vendor }: AdapterFacts): string =>
  [description, device, vendor].find((text) => text !== '') ?? 'a card without a name';

/** A device with all that its adapter has: by default it would have the least that WebGPU promises. */
export const openDevice = (adapter: GpuAdapter): Promise<GpuDevice> =>
  adapter.requestDevice({ requiredLimits: { ...factsOf(adapter).limits } });
