import type { LiveServices } from '../../../../src/play/live/services.js';
import type { WorkerSource } from '../worker-messages.js';
import type { OpenedModel, PageGenerator } from './model.js';
import { serverClips } from './server-clips.js';
import { siteClips } from './site-clips.js';

/** What a session in the page has beside its generator: its clips, from the server or from beside the page. */
export async function servicesOf(
  source: WorkerSource,
  generator: PageGenerator,
  model: OpenedModel,
): Promise<LiveServices> {
  const clips =
    source.kind === 'export'
      ? siteClips(source)
      : await serverClips(source, model, model.layout.bytesPerPixel);
  return { open: (size) => generator.open(size), clips };
}
