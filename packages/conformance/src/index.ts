export type { Acknowledgement, Harness, OptionalMember, Subject, Work } from './lib/harness.ts'
export { resourceSuite, type ResourceSuiteOptions, type TestRunner } from './lib/resource-suite.ts'
export { tcpLink, type TcpLink, type TcpTarget } from './lib/tcp-link.ts'
