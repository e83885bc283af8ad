import { FrameloomError } from './error.js';

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};

/**
 * Reads a size such as `512MiB`, `2 GiB` or `1048576`, in bytes.
 * @throws FrameloomError bad-option
 */
export function parseBytes(text: string | number): number {
  if (typeof text === 'number' && Number.isSafeInteger(text) && text >= 0) return text;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(text).trim());
  const unit = match ? UNITS[match[2] === '' ? 'b' : (match[2] ?? '').toLowerCase()] : undefined;
  if (!match || unit === undefined) {
    throw new FrameloomError('bad-option', `"${text}" is not a size in bytes`, {
      hint: 'write it as 512MiB or 2GiB',
    });
  }
  return Math.round(Number(match[1]) * unit);
}

/** Bytes as people read them; MiB is 2^20. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  if (bytes >= 2 ** 10) return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
  return `${bytes} B`;
}

/** Seconds as `42s`, `3m05s` or `2h07m`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`;
}

/** A number of things: `1 frame`, `2 frames`. @param thing one of them, whose plural ends in an s */
export const counted = (count: number, thing: string): string =>
  `${count} ${thing}${count === 1 ? '' : 's'}`;
