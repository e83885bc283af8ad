import { defineConfig } from 'vitest/config';

// Where CI wants the counts of a run, beside what people read.
const report = process.env.FRAMELOOM_TEST_REPORT;

/**
 * Files that need a process of their own, because they look at one or change it: which backend it
 * loaded first, what it holds in memory, which modules it mocks. All others share two processes and
 * what they have loaded, which takes a second of each file: native TensorFlow, the layers, the
 * questions to ffmpeg.
 */
const ALONE = [
  'test/autodiff/peak-memory.test.ts',
  'test/backend/**/*.test.ts',
  'test/base/error.test.ts',
  'test/cli/terminal/process.test.ts',
  'test/entries/**/*.test.ts',
  'test/setup/**/*.test.ts',
  'test/video/failing-removal.test.ts',
  'test/video/ffmpeg-path.test.ts',
  'test/video/output.test.ts',
  'test/video/process.test.ts',
];

export default defineConfig({
  test: {
    setupFiles: ['test/setup/silent.ts'],
    // Native TensorFlow loads once a process and uses every core itself.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    // What is waited for comes later on a busy machine.
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          // One group after the other: a process is kept only for a next file of its own project.
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
