import { defineConfig } from 'vitest/config'
import root from '../../vitest.config.ts'

export default defineConfig({
  ...root,
  // Vitest hands these to Node as --conditions; with `import` among them, pg's require('pg-pool') would get an ES module.
  ssr: { resolve: { conditions: ['@lameduck/source', 'node', 'default'] } },
})
