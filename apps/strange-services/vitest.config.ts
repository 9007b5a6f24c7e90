import { defineConfig, mergeConfig } from 'vitest/config'
import root from '../../vitest.config.ts'

// One file after the other: each runs several services side by side.
export default mergeConfig(root, defineConfig({ test: { globalSetup: ['test/servers.ts'], fileParallelism: false, maxConcurrency: 4 } }))
