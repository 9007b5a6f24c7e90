export { parseSoakOptions, soakUsage, SoakUsageError } from './lib/soak-options.ts'
export { runSoak } from './lib/run-soak.ts'
