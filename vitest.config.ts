import { defineConfig } from 'vitest/config';

/**
 * One project per kind of test. Files run one at a time in shell, machine and campus: they own
 * displays, namespaces and processor time. Limits end what has failed: no busy computer may reach
 * them.
 */
const serial = {
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 60_000 } },
};
const beside = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
};

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...beside } },
      { test: { name: 'component', include: ['test/component/**/*.test.ts'], ...serial } },
      { test: { name: 'shell', include: ['test/shell/**/*.test.ts'], ...serial } },
      { test: { name: 'machine', include: ['test/machine/**/*.test.ts'], ...serial } },
      { test: { name: 'campus', include: ['test/campus/**/*.test.ts'], ...serial } },
    ],
  },
});
