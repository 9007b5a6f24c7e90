import { startBroker, variable } from './broker.ts'

/** For Vitest's `globalSetup`: the broker that `sharedBroker()` gives to every file. */
export async function setup(): Promise<() => Promise<void>> {
  const broker = await startBroker()
  process.env[variable] = broker.url
  return () => broker.stop()
}
