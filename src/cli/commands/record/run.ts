import { once } from 'node:events';
import { rational, type Rational } from '../../../base/rational.js';
import { ownCommand } from '../../../base/own-command.js';
import { startRecord } from '../../../serve/record/record.js';
import { takePipeline } from '../../../serve/record/take-pipeline.js';
import { refuseIdle } from '../../idle-options.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { openBrowser } from '../live/open-browser.js';

export interface RecordFlags {
  game?: string;
  output?: string;
  columns?: string;
  fps?: Rational;
  size?: { readonly width: number; readonly height: number };
  port?: number;
  open: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const FOLDER = 'recordings';
const FPS = rational(30);

/** Serves the page that records until it is told to stop. @returns the exit code: that is its end, and no failure */
export async function runRecord(
  word: string,
  flags: RecordFlags,
  { log, signal, terminal }: Context,
): Promise<number> {
  const { game, output = FOLDER, columns, fps = FPS, size, port, overwrite } = flags;
  refuseIdle({
    option: '--overwrite',
    given: overwrite,
    why: !/\.\w+$/.test(output) && 'with a folder, where takes are numbered',
  });
  const pipeline = await takePipeline(word, columns?.split(','));
  const recorder = await startRecord({
    ...{ output, pipeline, fps, size, game, port, overwrite, log },
  });
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  try {
    const { url, token, port: at, folder, pipeline: file } = recorder;
    const names = Object.keys(pipeline.actions.columns);
    terminal.out(
      flags.json
        ? `${JSON.stringify({ url, token, port: at, folder, pipeline: file, columns: names })}\n`
        : `${url}\n`,
    );
    if (flags.open) {
      const why = await openBrowser(url);
      if (why !== null) log.info(`not opened in a browser (${why}): open the address yourself`);
    }
    log.info(
      `recording ${names.join(', ')} into ${output}; Ctrl-C ends it, and then: ${ownCommand('check', file)}`,
    );
    await aborted;
  } finally {
    await recorder.close();
  }
  // Being told to stop is how it ends.
  return EXIT.ok;
}
