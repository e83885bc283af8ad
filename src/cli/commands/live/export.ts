import { cacheFolder } from '../../../base/cache-folder.js';
import { quoteWord } from '../../../base/own-command.js';
import { formatBytes } from '../../../base/units.js';
import { exportLive } from '../../../serve/export/export-live.js';
import type { ExportedFolder } from '../../../serve/export/export-site.js';
import { PAGE_FOLDER } from '../../../serve/page-folder.js';
import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';

/** What of `live` an export goes by. */
export interface ExportPageFlags {
  export: string;
  overwrite?: boolean;
  snapshot?: SnapshotChoice;
  fps?: number;
  size?: { readonly width: number; readonly height: number };
  trustFilters?: boolean;
  json?: boolean;
}

/** Writes a run's page as a folder, and says what it takes. */
export async function exportPage(
  place: string,
  flags: ExportPageFlags,
  { log, signal, terminal }: Context,
): Promise<number> {
  const { export: output, overwrite, snapshot, fps, size, trustFilters, json } = flags;
  const exported = await exportLive({
    ...{ place, output, overwrite, snapshot, fps, size, trustFilters, log, signal },
    ...{ cacheFolder: cacheFolder(), pageFolder: PAGE_FOLDER },
  });
  terminal.out(json ? `${JSON.stringify(exported)}\n` : words(exported));
  return EXIT.ok;
}

const PARTS = {
  page: 'page',
  runtime: 'ONNX Runtime',
  model: 'generator',
  clips: 'clips',
} as const;

function words({ folder, parts, total, files }: ExportedFolder): string {
  const of = (Object.keys(PARTS) as (keyof typeof PARTS)[])
    .filter((part) => parts[part].bytes > 0)
    .map((part) => `${PARTS[part]} ${formatBytes(parts[part].gzipped)}`);
  return [
    `${folder}: ${files} files, ${formatBytes(total.bytes)}; gzipped ${formatBytes(total.gzipped)} (${of.join(', ')})`,
    'put it on any host, below any path, by https or on localhost; such as',
    `  python3 -m http.server --directory ${quoteWord(folder)} 8000`,
    '',
  ].join('\n');
}
