import { expect, it } from 'vitest';
import { apiReport } from './report.js';

it('the package exports what the report says, and every type that it shows', async () => {
  const { text, unnamed, inferred } = apiReport();
  expect(unnamed).toEqual([]);
  // A schema is its own type.
  expect(inferred).toEqual(['dataOptions']);
  await expect(text).toMatchFileSnapshot('api.md');
});
