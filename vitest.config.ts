import { defineConfig } from 'vitest/config';

/**
 * One project per kind of test. Files run one at a time in shell, machine and campus: they own
 * displays, namespaces and processor time.
 */
const serial = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'component', include: ['test/component/**/*.test.ts'], ...serial } },
      { test: { name: 'shell', include: ['test/shell/**/*.test.ts'], ...serial } },
      { test: { name: 'machine', include: ['test/machine/**/*.test.ts'], ...serial } },
      { test: { name: 'campus', include: ['test/campus/**/*.test.ts'], ...serial } },
    ],
  },
});
