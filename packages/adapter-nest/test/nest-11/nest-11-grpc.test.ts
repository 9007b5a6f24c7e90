import { grpcSuite } from '../hybrid/grpc-suite.ts'
import { nest11 } from './nest-11.ts'

grpcSuite(nest11)
