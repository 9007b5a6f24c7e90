import { intakeSuite } from './hybrid/intake-suite.ts'
import { nest12 } from './nest-12.ts'

intakeSuite(nest12)
