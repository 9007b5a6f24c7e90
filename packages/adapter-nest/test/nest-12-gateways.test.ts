import { gatewaySuite } from './hybrid/gateway-suite.ts'
import { nest12 } from './nest-12.ts'

gatewaySuite(nest12)
