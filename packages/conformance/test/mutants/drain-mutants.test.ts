import { catchEach } from './catch-each.ts'
import { drainMutants } from './drain-mutants.ts'

catchEach(drainMutants)
