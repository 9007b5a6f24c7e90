import { basename, join } from 'node:path'
import { defineConfig } from 'vitest/config'

const results = process.env['LAMEDUCK_RESULTS']

// One configuration for every package; `npm test` collects what the runners counted from the results folder.
export default defineConfig({
  // Only these two: they reach Node as --conditions, and 'import' or 'module' would give CommonJS packages ES modules.
  ssr: { resolve: { conditions: ['@lameduck/source', 'node'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', '*.test.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A busy machine may take its time for what comes all the same.
    expect: { poll: { timeout: 15_000 } },
    reporters: results ? ['default', 'json'] : ['default'],
    ...(results ? { outputFile: { json: join(results, `${basename(process.cwd())}.json`) } } : {}),
  },
})
