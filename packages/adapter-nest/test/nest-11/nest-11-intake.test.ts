import { intakeSuite } from '../hybrid/intake-suite.ts'
import { nest11 } from './nest-11.ts'

intakeSuite(nest11)
