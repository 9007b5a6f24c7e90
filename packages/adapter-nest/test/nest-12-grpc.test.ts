import { grpcSuite } from './hybrid/grpc-suite.ts'
import { nest12 } from './nest-12.ts'

grpcSuite(nest12)
