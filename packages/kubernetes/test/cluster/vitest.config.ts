import { defineConfig } from 'vitest/config'
import root from '../../../../vitest.config.ts'

// Not part of `npm test`, which must pass without a cluster: see CONTRIBUTING.md.
export default defineConfig({ ...root, test: { ...root.test, include: ['test/cluster/{on-a-cluster,last-words}.ts'], testTimeout: 180_000, hookTimeout: 60_000, maxConcurrency: 5 } })
