export { podTermination, type PodTerminationOptions } from './lib/pod-termination.ts'
