export { serveTests } from './lib/serve-tests.ts'
