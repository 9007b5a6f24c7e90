export { parseFuzzOptions, fuzzUsage, FuzzUsageError } from './lib/fuzz-options.ts'
export { runFuzz } from './lib/run-fuzz.ts'
