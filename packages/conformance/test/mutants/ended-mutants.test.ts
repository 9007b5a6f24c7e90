import { catchEach } from './catch-each.ts'
import { endedMutants } from './ended-mutants.ts'

catchEach(endedMutants)
