export { serveBrokers } from './lib/serve-brokers.ts'
export { serveTests } from './lib/serve-tests.ts'
