import { catchEach } from './catch-each.ts'
import { watchMutants } from './watch-mutants.ts'

catchEach(watchMutants)
