// For `node --import @lameduck/core/preload`: keeps a signal that comes while modules still load.
import { catchEarlySignals } from './lib/process/early-signals.ts'

catchEarlySignals()
