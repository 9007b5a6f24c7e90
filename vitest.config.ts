import { basename, join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const results = process.env['LAMEDUCK_RESULTS']

/** Where files run side by side, what waits for whole rollouts goes first: begun last, it would be waited for alone. */
class RolloutsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isRollout = ({ moduleId }: TestSpecification): boolean => /\/(?:load|rollout|cluster)\.test\.ts$/.test(moduleId)
    return [...sorted.filter(isRollout), ...sorted.filter((file) => !isRollout(file))]
  }
}

// One configuration for every package; `npm test` collects what the runners counted from the results folder.
export default defineConfig({
  // Only these two: they reach Node as --conditions, and 'import' or 'module' would give CommonJS packages ES modules.
  ssr: { resolve: { conditions: ['@lameduck/source', 'node'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', '*.test.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    pool: 'forks',
    sequence: { sequencer: RolloutsFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is to be true soon; a second is not enough on a busy machine.
    expect: { poll: { timeout: 15_000 } },
    reporters: results ? ['default', 'json'] : ['default'],
    ...(results ? { outputFile: { json: join(results, `${basename(process.cwd())}.json`) } } : {}),
  },
})
