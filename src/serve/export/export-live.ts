import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Logger } from '../../base/log.js';
import { packageRoot } from '../../base/own-package.js';
import { rationalToNumber } from '../../base/rational.js';
import { generatorFile } from '../../pipeline/generator-file.js';
import type { Size } from '../../play/live/services.js';
import { describeExported } from '../../synthesis/models/exported-model.js';
import type { SnapshotChoice } from '../../training/run/snapshot-store.js';
import { openTrainingClips } from '../clips.js';
import { assertExportable, exportSite, type ExportedFolder } from './export-site.js';

export interface ExportLiveOptions {
  /** A run's folder, or an exported `.onnx` file. */
  readonly place: string;
  /** The folder to write; a new or empty one unless an older export is to be replaced. */
  readonly output: string;
  readonly overwrite?: boolean | undefined;
  /** Which of a run's weights: `latest` unless given. */
  readonly snapshot?: SnapshotChoice | undefined;
  /** Frames a second that a page begins with; the clips' unless given. */
  readonly fps?: number | undefined;
  /** Of the frames that a page begins with; the training's unless given. */
  readonly size?: Size | undefined;
  readonly trustFilters?: boolean | undefined;
  readonly cacheFolder?: string | undefined;
  /** Of the built page. */
  readonly pageFolder: string;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** Frames a second where nothing says how fast a world goes. */
const USUAL_FPS = 25;

const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string })
    .version;

/**
 * Writes the page of a run as a folder for any host.
 * @throws FrameloomError exists, bad-option of the folder; not-found (no run, no snapshot, no page); bad-pipeline,
 *   bad-snapshot, bad-input of the model; disk-full, write-failed; cancelled
 */
export async function exportLive(options: ExportLiveOptions): Promise<ExportedFolder> {
  const { place, output, overwrite, snapshot, size, log, signal } = options;
  await assertExportable(output, { overwrite });
  const file = await generatorFile(place, { snapshot, log, signal });
  const described = describeExported(file.bytes, file.path, size);
  const { pipeline, baseFolder = dirname(place) } = file.run ?? {};
  const data = pipeline?.data ?? described.data;
  const clips = await openTrainingClips({
    ...{ data, baseFolder, trustFilters: options.trustFilters },
    ...{ cacheFolder: options.cacheFolder, log, signal },
  });
  if (clips.unavailable !== null) {
    log.warn(`the page begins without a clip: ${clips.unavailable}`);
  }
  const { layout, info, width, height } = described;
  const own = data.fps ? rationalToNumber(data.fps) : clips.list[0]?.fps;
  return exportSite({
    ...{ output, overwrite, pageFolder: options.pageFolder, version: ownVersion() },
    ...{ model: file.bytes, size: { width, height }, clips, log, signal },
    name: basename(resolve(place)),
    bytesPerPixel: layout.bytesPerPixel,
    historyFrames: Math.max(info.generator.historyFrames, info.generator.conditionFrames),
    fps: options.fps ?? own ?? USUAL_FPS,
  });
}
