import { catchEach } from './catch-each.ts'
import { forceMutants } from './force-mutants.ts'

catchEach(forceMutants)
