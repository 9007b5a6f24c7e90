#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setUp } from './setup.mjs'
import { command, progress } from './step.mjs'

// The example service alone, with servers; what is typed after `--` goes to it: npm run example -- --framework fastify
await command(async ({ onEnd }) => {
  const env = await setUp()
  const { startServers } = await import('@lameduck/servers')
  const { setUp: setUpExample, startCommand } = await import('@lameduck/example')
  const shown = progress('starting PostgreSQL, Redis and Kafka')
  const servers = await startServers({ want: ['postgres', 'redis', 'kafka'], onProgress: shown.detail })
  shown.end()
  onEnd(async () => servers.stop())
  for (const name of ['postgres', 'redis', 'kafka']) process.stdout.write(`${servers[name].ok ? `${name}: ${servers[name].detail}` : servers[name].message}\n`)

  const url = (server) => (server.ok ? server.url : '')
  const addresses = { DATABASE_URL: url(servers.postgres), REDIS_URL: url(servers.redis), KAFKA_BROKERS: url(servers.kafka) }
  await setUpExample({ databaseUrl: addresses.DATABASE_URL || undefined, kafkaBrokers: addresses.KAFKA_BROKERS.split(',').filter(Boolean), prefix: env.PREFIX ?? 'orders' })
  const [program, ...parameters] = startCommand({ framework: 'express', helper: 'lameduck' })
  // Later words win, so that a variant can be chosen.
  const child = spawn(program, [...parameters, ...process.argv.slice(2)], { stdio: 'inherit', env: { ...env, ...addresses } })
  onEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const [code] = await once(child, 'exit')
  return code ?? 1
})
