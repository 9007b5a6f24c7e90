import { variantFrom, type Variant } from './lib/arguments.ts'
import { configFrom, type Config } from './lib/config.ts'
import { setUp } from './lib/set-up.ts'

main().catch((error: unknown) => {
  console.error(`orders: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
})

async function main(): Promise<void> {
  const variant = variantFrom(process.argv.slice(2))
  const config = configFrom(process.env)
  for (const line of missingParts(config)) console.log(`orders: ${line}`)
  await setUp(config)
  const port = await start(variant, config)
  console.log(`orders: ready on http://127.0.0.1:${port} (${variant.framework}, ${variant.helper})`)
}

/** Resolves with the API's port when the service is ready. Only the chosen variant's modules are loaded. */
async function start({ framework, helper }: Variant, config: Config): Promise<number> {
  if (helper === 'baseline') return (await import('./baseline.ts')).startBaseline(config)
  switch (framework) {
    case 'express':
      return (await import('./express.ts')).startExpress(config)
    case 'fastify':
      return (await import('./fastify.ts')).startFastify(config)
    case 'nest':
      return (await import('./nest.ts')).startNest(config)
  }
}

function missingParts({ databaseUrl, redisUrl, kafkaBrokers }: Config): string[] {
  return [
    ...(databaseUrl === undefined ? ['no DATABASE_URL: orders live in memory, and nothing is shipped'] : []),
    ...(redisUrl === undefined ? ['no REDIS_URL: nothing is cached'] : []),
    ...(kafkaBrokers.length === 0 ? ['no KAFKA_BROKERS: no events are published, and nothing is shipped'] : []),
  ]
}
