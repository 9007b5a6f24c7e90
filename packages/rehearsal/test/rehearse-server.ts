import { fileURLToPath } from 'node:url'
import { rehearse, type Rehearsal, type RehearsalOptions } from '../src/index.ts'

/** Absolute path of a file in `test/fixtures`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
}

/** Rehearses the fixture server with small numbers; every option can be replaced. */
export function rehearseServer(options: Partial<RehearsalOptions>): Promise<Rehearsal> {
  return rehearse({
    command: [process.execPath, fixture('server.mjs')],
    replicas: 2,
    warmUpMs: 300,
    coolDownMs: 300,
    network: { propagationMs: 300 },
    load: { fast: 10, slow: 5 },
    seed: 7,
    ...options,
  })
}
