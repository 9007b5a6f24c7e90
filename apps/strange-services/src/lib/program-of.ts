import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../../src/services/', import.meta.url))
const built = fileURLToPath(new URL('../../dist/services/', import.meta.url))

/** The file of a service: JavaScript as it stands, of either kind of module, or TypeScript, which was built. */
export function programOf(name: string): string {
  const candidates = [join(sources, name, 'service.mjs'), join(sources, name, 'service.cjs'), join(built, name, 'service.js')]
  const found = candidates.find((file) => existsSync(file))
  if (found === undefined) throw new Error(`${name} has no service: none of ${candidates.join(', ')} is there`)
  return found
}
