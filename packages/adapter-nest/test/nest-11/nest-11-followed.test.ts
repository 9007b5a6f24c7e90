import { followedSuite } from '../hybrid/followed-suite.ts'
import { nest11 } from './nest-11.ts'

followedSuite(nest11)
