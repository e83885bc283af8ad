import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { throwIfCancelled } from '../../base/cancel.js';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { assertFolderFree, writeFolderAtomic } from '../../base/output-folder.js';
import type { LiveClips, Size } from '../../play/live/services.js';
import {
  SITE_FILE,
  SITE_FORMAT,
  SITE_META,
  WORKER_FILE,
  type ExportedSite,
  type KeptSite,
} from '../exported-site.js';
import { packClips, type PackedClip } from './pack-clips.js';

const packed = promisify(gzip);

export interface ExportSiteOptions {
  /** The folder to write; a new or empty one unless `overwrite` says that an older export may be replaced. */
  readonly output: string;
  readonly overwrite?: boolean | undefined;
  /** Of the built page. */
  readonly pageFolder: string;
  /** The run, as people know it. */
  readonly name: string;
  /** Of Frameloom. */
  readonly version: string;
  /** The exported generator. */
  readonly model: Uint8Array;
  /** What it is played at unless a page asks for another size. */
  readonly size: Size;
  readonly bytesPerPixel: number;
  /** Frames that a world may begin from: the generator's history. */
  readonly historyFrames: number;
  readonly fps: number;
  /** The clips of the run, where they are there; some frames of them come along. */
  readonly clips?: LiveClips | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

/** What something takes on the disk, and gzipped, as most hosts send it. */
export interface PartBytes {
  readonly bytes: number;
  readonly gzipped: number;
}

export interface ExportedFolder {
  readonly folder: string;
  readonly files: number;
  /** The page itself, ONNX Runtime, the generator and the clips. */
  readonly parts: Readonly<Record<'page' | 'runtime' | 'model' | 'clips', PartBytes>>;
  readonly total: PartBytes;
  /** Frames of clips that came along. */
  readonly clipFrames: number;
}

const MODEL_FILE = 'generator.onnx';
const CLIPS = 'clips';
const RUNTIME = 'onnxruntime';
/** Of the built pages and not of an export: what set-up notes, the engines by themselves, and the recorder. */
const LEFT_OUT = [/^\./, /^engine\.js$/, /^record\.html$/, /^tap\.js$/, /^assets\/record-/];

/** What an export holds at its top: a folder with anything else is not replaced. */
const isOwn = (name: string): boolean =>
  [
    ...['index.html', 'assets', RUNTIME, 'licences.txt', WORKER_FILE],
    ...[SITE_FILE, MODEL_FILE, CLIPS],
  ].includes(name);

/**
 * Says whether a page could be exported there, before anything is made for it.
 * @throws FrameloomError exists, bad-option
 */
export const assertExportable = (
  output: string,
  { overwrite }: { readonly overwrite?: boolean | undefined },
): Promise<void> => assertFolderFree(output, { overwrite, isOwn, mark: SITE_FILE });

/** By the server's own rules (`server.ts`), as far as a page can make them itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The page's HTML, told that it is in a folder of its own. */
function siteHtml(html: string, page: string): string {
  const head = '<head>';
  if (!html.includes(head)) {
    throw new FrameloomError('bad-input', `${page} is no page`, { hint: 'run: npm run build' });
  }
  const metas = [
    `<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}" />`,
    `<meta name="${SITE_META}" content="${SITE_FILE}" />`,
  ];
  return html.replace(head, [head, ...metas].join('\n    '));
}

/**
 * Writes the page of a run as a folder for any host: the page with its engine, the generator, some frames of its clips,
 * and a service worker that keeps all of it for offline use. The folder is there whole or not at all.
 *
 * @throws FrameloomError exists, bad-option of the folder; not-found where the page is not built; disk-full, write-failed;
 *   cancelled
 */
export async function exportSite(options: ExportSiteOptions): Promise<ExportedFolder> {
  const { output, overwrite, pageFolder, signal, log } = options;
  const files = await pageFiles(pageFolder);
  const clips = options.clips ? await packClips(options.clips, options) : [];
  throwIfCancelled(signal, DOING);
  files.set(MODEL_FILE, Buffer.from(options.model));
  for (const { facts, conditions, pictures } of clips) {
    files.set(facts.conditions, conditions);
    files.set(facts.pictures, pictures);
  }
  files.set(SITE_FILE, jsonOf(siteOf(options, clips)));
  const html = siteHtml(files.get('index.html')!.toString('utf8'), join(pageFolder, 'index.html'));
  files.set('index.html', Buffer.from(html));
  // Last: it knows all others.
  const worker = files.get(WORKER_FILE)!;
  files.delete(WORKER_FILE);
  const kept = `self.FRAMELOOM_SITE = ${JSON.stringify(keptSite(files))};\n`;
  files.set(WORKER_FILE, Buffer.concat([Buffer.from(kept), worker]));

  await writeFolderAtomic(
    output,
    async (folder) => {
      for (const [name, content] of files) {
        throwIfCancelled(signal, DOING);
        await makeFolder(dirname(join(folder, name)));
        await writeFile(join(folder, name), content);
      }
    },
    { overwrite, isOwn, mark: SITE_FILE, log },
  );
  const clipFrames = clips.reduce((sum, { facts }) => sum + facts.frames, 0);
  return { folder: output, files: files.size, ...(await sizesOf(files)), clipFrames };
}

const DOING = 'exporting the page';
const jsonOf = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

async function pageFiles(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const full = join(entry.parentPath, entry.name);
    const name = full
      .slice(folder.length + 1)
      .split(sep)
      .join('/');
    if (!entry.isFile() || LEFT_OUT.some((pattern) => pattern.test(name))) continue;
    files.set(name, await readFile(full));
  }
  for (const name of ['index.html', WORKER_FILE]) {
    if (files.has(name)) continue;
    throw new FrameloomError('not-found', `the page is not built: ${folder} has no ${name}`, {
      path: folder,
      hint: 'run: npm run build',
    });
  }
  return files;
}

const siteOf = (
  { version, name, fps }: ExportSiteOptions,
  clips: readonly PackedClip[],
): ExportedSite => ({
  ...{ format: SITE_FORMAT, version, name, model: MODEL_FILE, fps },
  clips: clips.map(({ facts }) => facts),
});

function keptSite(files: ReadonlyMap<string, Buffer>): KeptSite {
  const hashes: Record<string, string> = {};
  for (const [name, content] of files) {
    hashes[name] = createHash('sha256').update(content).digest('hex');
  }
  const hash = createHash('sha256').update(JSON.stringify(hashes)).digest('hex').slice(0, 16);
  return { hash, files: hashes };
}

const partOf = (name: string): keyof ExportedFolder['parts'] => {
  if (name === MODEL_FILE) return 'model';
  const [top] = name.split('/');
  return top === RUNTIME ? 'runtime' : top === CLIPS ? 'clips' : 'page';
};

async function sizesOf(
  files: ReadonlyMap<string, Buffer>,
): Promise<Pick<ExportedFolder, 'parts' | 'total'>> {
  const none = (): { bytes: number; gzipped: number } => ({ bytes: 0, gzipped: 0 });
  const parts = { page: none(), runtime: none(), model: none(), clips: none() };
  const total = none();
  for (const [name, content] of files) {
    // What is packed already gains nothing.
    const gzipped = Math.min(content.length, (await packed(content)).length);
    for (const sum of [parts[partOf(name)], total]) {
      sum.bytes += content.length;
      sum.gzipped += gzipped;
    }
  }
  return { parts, total };
}
