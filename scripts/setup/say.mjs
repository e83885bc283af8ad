// What set-up says: plain lines, one progress line for long work, and one closing error line.

/** Anything that stops set-up. `message` says what is wrong, `hint` what to do about it. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} [hint]
   */
  constructor(message, hint) {
    super(message);
    this.name = 'SetupError';
    this.hint = hint;
  }
}

/** @param {string} line */
export const say = (line) => void process.stdout.write(`setup: ${line}\n`);

/**
 * The one closing line of a set-up that failed, whatever was thrown: never more than one line.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function errorLine(error) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof SetupError ? error.hint : undefined;
  const text = `setup: error: ${message}${hint === undefined ? '' : ` — ${hint}`}`;
  return text.replace(/\s*\n\s*/g, ' ');
}

/**
 * Bytes for people, in MB of 10^6 as package indexes count them.
 *
 * @param {number} bytes
 */
export const megabytes = (bytes) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;

/**
 * One line of progress.
 *
 * @param {string} label
 * @param {{ doneBytes: number, totalBytes?: number | undefined, elapsedMs: number }} state
 */
export function progressText(label, { doneBytes, totalBytes, elapsedMs }) {
  const rate = elapsedMs > 0 ? (doneBytes / elapsedMs) * 1000 : 0;
  const parts = [
    totalBytes === undefined
      ? megabytes(doneBytes)
      : `${Math.min(100, Math.floor((100 * doneBytes) / totalBytes))} % of ${megabytes(totalBytes)}`,
  ];
  if (rate > 0) parts.push(`${megabytes(rate)}/s`);
  if (rate > 0 && totalBytes !== undefined && totalBytes > doneBytes) {
    parts.push(`${Math.ceil((totalBytes - doneBytes) / rate)} s left`);
  }
  return `${label}: ${parts.join(', ')}`;
}

/**
 * Shows progress: on a terminal one line that is rewritten, elsewhere a line every few seconds.
 *
 * @param {string} label
 * @param {{ totalBytes?: number | undefined, stream?: { isTTY?: boolean, write(text: string): unknown }, everyMs?: number, now?: () => number }} [options]
 */
export function startProgress(label, options = {}) {
  const { stream = process.stdout, everyMs = stream.isTTY ? 200 : 5000, now = Date.now } = options;
  let { totalBytes } = options;
  const startedMs = now();
  let lastMs = startedMs;
  let open = false;
  return {
    /**
     * @param {number} doneBytes
     * @param {number | undefined} [total]
     */
    update(doneBytes, total) {
      totalBytes = total ?? totalBytes;
      if (doneBytes === 0 || now() - lastMs < everyMs) return;
      lastMs = now();
      const text = progressText(label, { doneBytes, totalBytes, elapsedMs: lastMs - startedMs });
      stream.write(stream.isTTY ? `\r\u001b[Ksetup: ${text}` : `setup: ${text}\n`);
      open = stream.isTTY === true;
    },
    done() {
      if (open) stream.write('\r\u001b[K');
      open = false;
    },
  };
}
