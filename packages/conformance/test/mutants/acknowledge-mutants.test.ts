import { catchEach } from './catch-each.ts'
import { acknowledgeMutants } from './acknowledge-mutants.ts'

catchEach(acknowledgeMutants)
