import { nestSuite } from '../nest-suite.ts'
import { nest11 } from './nest-11.ts'

nestSuite(nest11)
