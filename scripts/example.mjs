#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { serversFor } from './servers-for.mjs'
import { setUp } from './setup.mjs'
import { command, StepError } from './step.mjs'

// The example service alone, with servers; what is typed after `--` goes to it: npm run example -- --framework fastify
await command(async ({ onEnd }) => {
  const env = await setUp()
  const { setUp: setUpExample, startCommand, variantFrom } = await import('@lameduck/example')
  let variant
  try {
    variant = variantFrom(process.argv.slice(2))
  } catch (error) {
    throw new StepError(error.message)
  }
  const { urls, missing } = await serversFor(onEnd, (message) => process.stderr.write(`${message}\n`))
  for (const message of missing) process.stdout.write(`${message} The service runs without it.\n`)
  await setUpExample({ databaseUrl: urls.DATABASE_URL || undefined, kafkaBrokers: urls.KAFKA_BROKERS.split(',').filter(Boolean), prefix: env.PREFIX ?? 'orders' })
  process.stdout.write(`probes: http://127.0.0.1:${env.PROBE_PORT ?? 9090}/readyz (PORT and PROBE_PORT choose other ports)\n`)
  const [program, ...parameters] = startCommand(variant)
  const child = spawn(program, parameters, { stdio: 'inherit', env: { ...env, ...urls } })
  onEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const [code] = await once(child, 'exit')
  return code ?? 1
})
