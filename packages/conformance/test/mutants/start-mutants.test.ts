import { catchEach } from './catch-each.ts'
import { startMutants } from './start-mutants.ts'

catchEach(startMutants)
