import { defineConfig } from 'vitest/config'

// One configuration for every package: `vitest run --root <package>` reads it through the package's test script.
export default defineConfig({
  resolve: { conditions: ['@lameduck/source'] },
  ssr: { resolve: { conditions: ['@lameduck/source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
