import { defineConfig } from 'vitest/config'
import root from '../../../../vitest.config.ts'

// Not part of `npm test`, which must pass where no engine is: see "Containers" in the README.
export default defineConfig({ ...root, test: { ...root.test, include: ['test/docker/containers.ts'], testTimeout: 120_000 } })
