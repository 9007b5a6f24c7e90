import { catchEach } from './catch-each.ts'
import { closedMutants } from './closed-mutants.ts'

catchEach(closedMutants)
