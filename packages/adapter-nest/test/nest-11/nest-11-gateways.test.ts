import { gatewaySuite } from '../hybrid/gateway-suite.ts'
import { nest11 } from './nest-11.ts'

gatewaySuite(nest11)
