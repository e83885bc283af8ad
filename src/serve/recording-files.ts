/** What lies in the folder of a recording, by name. */
export const RECORDED = {
  video: 'frames.mp4',
  condition: 'condition.mkv',
  actions: 'actions.csv',
  pipeline: 'pipeline.yaml',
  /** What the recording says of itself. */
  facts: 'recording.json',
} as const;

/** Files of a recording that a page may fetch. */
export const RECORDING_FILES: readonly string[] = [
  RECORDED.video,
  RECORDED.condition,
  RECORDED.actions,
  RECORDED.pipeline,
];

/** What a recording is called while it is not whole: a folder of this name lies in the place of its files. */
export const UNFINISHED = '.unfinished';
