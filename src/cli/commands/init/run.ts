import { existsSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { ownCommand } from '../../../base/own-command.js';
import { packageRoot } from '../../../base/own-package.js';
import { expandClips } from '../../../clips/expand.js';
import { parsePipeline } from '../../../pipeline/load.js';
import { shippedPipeline } from '../../../pipeline/shipped.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { nextLines } from '../../terminal/next.js';

export interface InitFlags {
  from: string;
  clip?: string[];
  overwrite?: boolean;
}

/** The package's folder as seen from below a project, where it is installed in one: pnpm links it. */
function packageSeenFrom(folder: string): string {
  for (let place = folder; ; place = dirname(place)) {
    const installed = join(place, 'node_modules', 'frameloom');
    if (existsSync(installed) && realpathSync(installed) === realpathSync(packageRoot)) {
      return installed;
    }
    if (dirname(place) === place) return packageRoot;
  }
}

/** A path as a file in `folder` names it: relative where that goes no more than a few folders up. */
function pathFrom(folder: string, path: string): string {
  const short = relative(folder, path);
  const isFar = isAbsolute(short) || short.startsWith(['..', '..', '..', '..'].join(sep));
  return (isFar ? path : short).replaceAll('\\', '/');
}

/** Text as YAML takes it: plain where it can be nothing else. */
const scalar = (text: string): string =>
  /^[\w./][\w./ -]*$/.test(text) && !/^[\d.]+$/.test(text) ? text : JSON.stringify(text);

/** Where a pipeline that comes along names its clip, and what is said of it. */
const SAMPLE_CLIP =
  /(?: {2}# Relative to this file\. Files[^\n]*\n)? {2}clips: \.\.\/samples\/([\w-]+\.mp4)\n/;

/**
 * The text of a pipeline that comes along, for a file elsewhere: the schema, the clips and what else it
 * names are found from there.
 */
export function pipelineText(
  shipped: string,
  {
    file,
    clips,
    schema,
    sample,
  }: { file: string; clips: string[]; schema: string; sample: string },
): string {
  const isOwn = clips.length > 0;
  const [, own = 'street.mp4'] = SAMPLE_CLIP.exec(shipped) ?? [];
  const named = isOwn ? clips : [`${sample}/${own}`];
  const list =
    named.length === 1
      ? ` ${scalar(named[0]!)}`
      : named.map((clip) => `\n    - ${scalar(clip)}`).join('');
  return shipped
    .replace(/\$schema=\S+/, `$schema=${schema}`)
    .replace(/frameloom train \S+ --clip \S+/, `frameloom train ${file} --clip my.mp4`)
    .replace(
      SAMPLE_CLIP,
      `  # Files, folders and globs, relative to this file; --clip replaces the list.\n${
        isOwn ? '' : '  # This is the sample that comes with Frameloom: put your own here.\n'
      }  clips:${list}\n`,
    )
    .replace(
      / {2}keyframes: \.\.\/samples\/street-keyframes\n/,
      `  keyframes: ${isOwn ? 'keyframes' : scalar(`${sample}/street-keyframes`)}\n`,
    )
    .replace(/\.\.\/samples\/(street-palette\.json)/g, (_, name: string) =>
      scalar(`${sample}/${name}`),
    );
}

/**
 * Writes a pipeline and says what to do with it.
 * @returns the exit code
 * @throws FrameloomError exists where the file is there; not-found for an unknown --from; bad-option
 */
export async function initPipeline(
  name: string,
  { from, clip = [], overwrite = false }: InitFlags,
  { log, terminal }: Context,
): Promise<number> {
  const file = /\.ya?ml$/i.test(name) ? name : `${name}.yaml`;
  if (!/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_ .-]*$/u.test(basename(file).normalize('NFC'))) {
    throw new FrameloomError('bad-option', `a pipeline cannot be called ${JSON.stringify(name)}`, {
      hint: 'use letters, digits, spaces, dots and dashes, and begin with a letter or digit',
    });
  }
  const there = await stat(name).catch(() => undefined);
  if (there && !there.isFile() && !there.isDirectory()) {
    throw new FrameloomError('bad-option', `${name} is a device or a pipe`, {
      hint: 'name a file',
    });
  }
  const folder = dirname(resolve(file));
  const seen = packageSeenFrom(folder);
  const schema = pathFrom(folder, join(seen, 'schema', 'pipeline.schema.json'));
  const text = pipelineText(await readFile(shippedPipeline(from), 'utf8'), {
    file,
    clips: clip.map((path) => pathFrom(folder, resolve(path))),
    // An editor takes what is neither relative nor an address for a path from its own root.
    schema: isAbsolute(schema) ? pathToFileURL(schema).href : encodeURI(schema),
    sample: pathFrom(folder, join(seen, 'samples')),
  });
  // What is written is one: a clip's name could have broken it.
  parsePipeline(text, file);
  await writeFileAtomic(file, text, { overwrite, log });
  for (const path of clip) {
    await expandClips([path], process.cwd()).catch((error: unknown) =>
      log.warn(`${file} names clips that are not there yet: ${messageOf(error)}`),
    );
  }
  terminal.out(
    `${file}\n${nextLines([
      ownCommand('check', file),
      ownCommand('train', file, '--max-minutes', '8'),
    ])}`,
  );
  return EXIT.ok;
}
