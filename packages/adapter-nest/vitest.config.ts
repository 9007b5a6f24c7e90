import { defineConfig, mergeConfig } from 'vitest/config'
import root from '../../vitest.config.ts'

export default mergeConfig(root, defineConfig({
  // Side by side on a busy machine, Nest and Kafka take their time to start; what never ends is found all the same.
  test: { globalSetup: ['test/servers.ts'], testTimeout: 90_000 },
}))
