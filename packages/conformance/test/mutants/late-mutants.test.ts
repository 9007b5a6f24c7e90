import { catchEach } from './catch-each.ts'
import { lateMutants } from './late-mutants.ts'

catchEach(lateMutants)
