import { build } from 'rolldown'

// One file for each entry, and what they share: fifty small modules cost every process that imports them 15 ms and more (decisions/011).
await build({
  input: { index: 'src/index.ts', preload: 'src/preload.ts', testing: 'src/testing.ts' },
  platform: 'node',
  logLevel: 'warn',
  output: { dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: 'shared/[name].js' },
})
