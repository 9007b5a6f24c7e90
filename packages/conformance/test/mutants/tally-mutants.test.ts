import { catchEach } from './catch-each.ts'
import { tallyMutants } from './tally-mutants.ts'

catchEach(tallyMutants)
