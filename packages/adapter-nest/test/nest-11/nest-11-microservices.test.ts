import { microserviceSuite } from '../hybrid/microservice-suite.ts'
import { nest11 } from './nest-11.ts'

microserviceSuite(nest11)
