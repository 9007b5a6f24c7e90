import { catchEach } from './catch-each.ts'
import { harnessMutants } from './harness-mutants.ts'

catchEach(harnessMutants)
