/**
 * What lies beside a page that was written into a folder of its own: `frameloom live RUN --export DIR`. Nothing of
 * Node is imported: the page takes shapes and names from here.
 */

/** Names the file that says what there is, in the head of the page: `<meta name="frameloom-site" content="site.json">`. */
export const SITE_META = 'frameloom-site';
export const SITE_FILE = 'site.json';
/** The service worker, beside the page. */
export const WORKER_FILE = 'service-worker.js';
export const SITE_FORMAT = 1;

/** `site.json`; paths are relative to it. */
export interface ExportedSite {
  readonly format: typeof SITE_FORMAT;
  /** Of Frameloom. */
  readonly version: string;
  /** The run, as people know it. */
  readonly name: string;
  /** The exported generator. */
  readonly model: string;
  /** Frames a second that sessions begin with. */
  readonly fps: number;
  readonly clips: readonly ExportedClip[];
}

/** Frames in a row of a clip that the run was trained on, at the size it was trained at. */
export interface ExportedClip {
  readonly name: string;
  readonly frames: number;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly bytesPerPixel: number;
  /** Its conditions one after the other, `frames × height × width × bytesPerPixel` bytes, gzipped. */
  readonly conditions: string;
  /** Its first pictures, `pictureFrames × height × width × 3` bytes of rgb24, gzipped: what a world may begin from. */
  readonly pictures: string;
  readonly pictureFrames: number;
}

/** What an exported service worker keeps, in front of its code: `self.FRAMELOOM_SITE = {…}`. */
export interface KeptSite {
  /** Over all files: another export is another one. */
  readonly hash: string;
  /** SHA-256 of each file but itself, in hex, by its path relative to the service worker. */
  readonly files: Readonly<Record<string, string>>;
}
