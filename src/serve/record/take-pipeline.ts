import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { FrameloomError } from '../../base/error.js';
import { actionOptions, type ActionOptions } from '../../clips/action-options.js';
import type { Size } from '../../play/live/services.js';
import { loadPipeline } from '../../pipeline/load.js';
import type { Pipeline } from '../../pipeline/schema.js';
import { pipelineFile } from '../../pipeline/shipped.js';

/** The pipeline that is recorded for: whose columns are written, and which trains on the takes. */
export interface TakePipeline {
  readonly actions: ActionOptions;
  /**
   * The same pipeline, of takes that lie beside it.
   * @param clips of the takes, relative to it
   * @param recorded size of their frames, whose aspect ratio the training's takes on
   * @returns YAML
   */
  text(name: string, clips: string, recorded: Size): string;
}

/** The generator's sides are multiples of it. */
const STEP = 4;
/** Beside each take. */
const ROWS_PATH = '{folder}/{name}.csv';

/** A size of about as many pixels as another, of the shape of a third and no larger. */
function sizeLike({ width, height }: Size, shape: Size): Size {
  const pixels = Math.min(width * height, shape.width * shape.height);
  const across = Math.sqrt((pixels * shape.width) / shape.height);
  const fitting = (side: number): number => Math.max(16, Math.round(side / STEP) * STEP);
  return { width: fitting(across), height: fitting((across * shape.height) / shape.width) };
}

/** @throws FrameloomError bad-option for columns that no pipeline could have */
function columnsOf(words: readonly string[]): ActionOptions {
  const columns: Record<string, 'key' | 'axis'> = {};
  for (const word of words) {
    const [, name = '', kind = 'key'] = /^(.*?)(?:=(key|axis))?$/.exec(word.trim()) ?? [];
    if (/\s/.test(name)) {
      throw new FrameloomError(
        'bad-option',
        `${JSON.stringify(name)} is one column with a blank in its name`,
        {
          hint: 'separate columns by commas: left,right,jump,steer=axis',
        },
      );
    }
    if (name === '' || name.includes('=')) {
      throw new FrameloomError('bad-option', `${JSON.stringify(word)} is no column`, {
        hint: 'say names, and axis where it is no key: left,right,jump,steer=axis',
      });
    }
    if (name in columns) {
      throw new FrameloomError('bad-option', `the column ${name} is named twice`);
    }
    columns[name] = kind as 'key' | 'axis';
  }
  const options = actionOptions.safeParse({ path: ROWS_PATH, columns });
  if (options.success) return options.data;
  const [issue] = options.error.issues;
  throw new FrameloomError('bad-option', `these cannot be columns: ${issue?.message ?? ''}`, {
    hint: 'say names, and axis where it is no key: left,right,jump,steer=axis',
  });
}

/** What of its data stands in the way of takes, in words. */
function whyNot({ data }: Pipeline): string | undefined {
  if (data.condition.kind === 'paired') {
    return 'takes its condition from a second video, and a game has one picture';
  }
  if (data.keyframes) return 'learns from painted frames of a clip of its own';
  return undefined;
}

/**
 * Reads the pipeline that is recorded for.
 * @param word its file, or the name of one that comes along
 * @param names columns instead of its own, as `left`, `jump=key`, `steer=axis`
 * @throws FrameloomError as loadPipeline; bad-option where it is told no actions, or is of clips of another kind
 */
export async function takePipeline(
  word: string,
  names: readonly string[] | undefined,
): Promise<TakePipeline> {
  const { pipeline } = await loadPipeline(word);
  const why = whyNot(pipeline);
  if (why !== undefined) {
    throw new FrameloomError('bad-option', `${word} ${why}`, { path: word });
  }
  const actions = names ? columnsOf(names) : pipeline.data.actions;
  if (!actions) {
    throw new FrameloomError('bad-option', `${word} is told no actions`, {
      path: word,
      hint: 'name a pipeline with data.actions, or what is pressed: --columns left,right,jump',
    });
  }
  const text = await readFile(resolve(pipelineFile(word)), 'utf8');
  return {
    actions,
    text(name, clips, recorded) {
      const document = parseDocument(text);
      const { width, height } = sizeLike(pipeline.data.size, recorded);
      document.commentBefore = ` Trains on what frameloom record has recorded beside this file.`;
      document.set('name', name);
      for (const gone of ['fps', 'startSeconds', 'durationSeconds']) {
        document.deleteIn(['data', gone]);
      }
      document.setIn(['data', 'clips'], clips);
      document.setIn(['data', 'size'], `${width}x${height}`);
      // Written in the place of the condition or beside it: from here on beside it.
      if (pipeline.data.condition.kind === 'none') document.setIn(['data', 'condition'], 'none');
      const { columns } = actions;
      document.setIn(['data', 'actions'], document.createNode({ path: ROWS_PATH, columns }));
      return String(document);
    },
  };
}

/** A number of a session, keys 0 or 1 and axes −1 to 1, as a pipeline's file says it. */
export function writtenNumber({ columns }: ActionOptions): (at: number, value: number) => number {
  const all = Object.values(columns);
  return (at, value) => {
    const column = all[at]!;
    if (column.kind === 'key') return value > 0 ? 1 : 0;
    const [least, most] = column.range;
    const within = Math.min(1, Math.max(-1, value));
    return least === -1 && most === 1
      ? rounded(within)
      : rounded(least + ((within + 1) / 2) * (most - least));
  };
}

/** Of a stick no more is known; a float's other figures would only be read by people. */
const rounded = (value: number): number => Number(value.toPrecision(6));
