import { defineConfig } from 'vitest/config';

// Where CI wants the counts of a run, beside what people read.
const report = process.env.FRAMELOOM_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup/silent.ts'],
    // Native TensorFlow loads once a process and uses every core itself.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
