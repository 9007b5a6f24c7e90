import { followedSuite } from './hybrid/followed-suite.ts'
import { nest12 } from './nest-12.ts'

followedSuite(nest12)
