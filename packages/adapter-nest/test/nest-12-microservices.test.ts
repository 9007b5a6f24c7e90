import { microserviceSuite } from './hybrid/microservice-suite.ts'
import { nest12 } from './nest-12.ts'

microserviceSuite(nest12)
