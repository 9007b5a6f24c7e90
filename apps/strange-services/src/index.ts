export { kinds, type Kind } from './lib/kinds.ts'
