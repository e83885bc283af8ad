import { existsSync, readdirSync } from 'node:fs';
import { openAdapter, webgpuParts } from '../src/backend/webgpu/dawn.js';
import { messageOf } from '../src/base/error.js';

/** SwiftShader, a graphics card in software, as Debian's Chromium and Google's bring it along. */
const SOFTWARE = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];

const drivers = (): string[] =>
  ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder) : [],
  );

/** Why nothing can be run on WebGPU here; null where it can. */
async function lacking(): Promise<string | null> {
  if (webgpuParts() === undefined) return 'not set up: npm run setup -- --webgpu';
  if (process.platform === 'linux' && drivers().length === 0) {
    const software = SOFTWARE.find((path) => existsSync(path));
    if (software === undefined) return 'no Vulkan driver, and no Chromium with its SwiftShader';
    process.env.VK_ICD_FILENAMES ??= software;
  }
  try {
    await openAdapter();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

export const webgpuLacks = await lacking();

/** For the name of what is passed over then: a list of tests says aloud why. */
export const webgpuNote = webgpuLacks === null ? '' : ` (passed over: ${webgpuLacks})`;
