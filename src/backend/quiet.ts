import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadProcessAddon } from './process-addon.js';

/** Lines of TensorFlow's log that a user need not act on: notes, and the line that announces them. */
const NOTE = /^(I\d{4} |WARNING: All log messages before absl::InitializeLog)/;

/**
 * Runs `load` without the notes that TensorFlow writes straight to standard error while its library
 * loads, before it reads any setting of its log. Everything else that is written meanwhile comes out
 * afterwards. Where set-up could not compile what this takes, the notes are seen.
 *
 * @param folder where set-up put its addon
 */
export function quietly(folder: string, load: () => void): void {
  const addon = loadProcessAddon(folder);
  if (addon === undefined) return load();
  const scratch = mkdtempSync(join(tmpdir(), 'frameloom-'));
  const path = join(scratch, 'stderr');
  const file = openSync(path, 'w');
  const before = addon.redirect(file);
  try {
    load();
  } finally {
    if (before >= 0) {
      closeSync(addon.redirect(before));
      closeSync(before);
    }
    closeSync(file);
    const said = readFileSync(path, 'utf8').split(/(?<=\n)/);
    rmSync(scratch, { recursive: true, force: true });
    const words = said.filter((line) => !NOTE.test(line)).join('');
    if (words !== '') process.stderr.write(words);
  }
}

/**
 * Runs `load` without the deprecation warnings that old packages cause while they load (punycode,
 * url.parse): standard error is for what a user can act on. Other warnings pass.
 */
export function withoutDeprecations(load: () => void): void {
  const emitWarning = process.emitWarning.bind(process);
  const filtered = (warning: string | Error, ...rest: unknown[]): void => {
    const [first] = rest;
    const type =
      warning instanceof Error
        ? warning.name
        : typeof first === 'object' && first !== null
          ? (first as { type?: string }).type
          : first;
    if (type === 'DeprecationWarning') return;
    (emitWarning as (warning: string | Error, ...rest: unknown[]) => void)(warning, ...rest);
  };
  process.emitWarning = filtered;
  try {
    load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
