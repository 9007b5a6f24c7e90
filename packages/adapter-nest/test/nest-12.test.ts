import { nest12 } from './nest-12.ts'
import { nestSuite } from './nest-suite.ts'

nestSuite(nest12)
