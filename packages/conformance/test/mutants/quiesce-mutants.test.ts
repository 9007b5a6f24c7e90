import { catchEach } from './catch-each.ts'
import { quiesceMutants } from './quiesce-mutants.ts'

catchEach(quiesceMutants)
