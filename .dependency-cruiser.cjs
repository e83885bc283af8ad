// The layers, highest first. An import may only go downward: docs/architecture.md.
const layers = [
  'entries',
  'cli',
  'serve',
  'pipeline',
  'training',
  'play',
  'queue',
  'synthesis',
  'export',
  'metrics',
  'planning',
  'autodiff',
  'networks',
  'clips',
  'kernels',
  'backend',
  'video',
  'base',
];

const downward = layers.slice(1).map((layer, i) => ({
  name: `${layer}-imports-downward`,
  comment: `src/${layer}/ may import only the layers below it`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/((${layers.slice(0, i + 1).join('|')})/|index\\.ts$)` },
}));

module.exports = {
  forbidden: [
    ...downward,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'one-backend-importer',
      comment: 'only src/backend/ chooses TensorFlow builds',
      severity: 'error',
      from: { pathNot: '^src/backend/' },
      to: { path: 'node_modules/@tensorflow/tfjs-(?!core)[a-z-]+/|^@tensorflow/tfjs(?!-core)' },
    },
    {
      name: 'one-ffmpeg-importer',
      comment: 'only src/video/ talks to ffmpeg',
      severity: 'error',
      from: { pathNot: '^src/video/' },
      to: { path: 'node_modules/fluent-ffmpeg/' },
    },
    {
      name: 'one-queue-importer',
      comment:
        'only src/queue/ talks to Redis and to stores, with what is not installed along with Frameloom',
      severity: 'error',
      from: { pathNot: '^src/queue/' },
      to: { path: 'node_modules/(bullmq|ioredis|@bradenmacdonald)/' },
    },
    {
      name: 'planning-runs-nothing',
      comment: 'src/planning/ is handed what it measures, and knows neither networks nor tensors',
      severity: 'error',
      from: { path: '^src/planning/' },
      to: { path: 'node_modules/@tensorflow/|^src/(networks|clips|kernels|video)/' },
    },
    {
      name: 'play-knows-no-node',
      comment: 'src/play/ runs in pages and workers too',
      severity: 'error',
      from: { path: '^src/play/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'video-knows-no-tensor',
      severity: 'error',
      from: { path: '^src/(video|base)/' },
      to: { path: 'node_modules/@tensorflow/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
