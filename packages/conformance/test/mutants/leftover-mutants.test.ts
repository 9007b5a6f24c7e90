import { catchEach } from './catch-each.ts'
import { leftoverMutants } from './leftover-mutants.ts'

catchEach(leftoverMutants)
