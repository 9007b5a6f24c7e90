import { readdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { firstWords, type Broker } from './brokers.ts'
import { freePort } from './free-port.ts'
import type { Launch, Place } from './recipe.ts'
import type { Unpacked } from './unpacked-packages.ts'

export const rabbitmq: Broker = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  command: 'rabbitmq-server',
  packages: ['rabbitmq-server'],
  // That of /usr/sbin wants to be root and to become another account.
  program: 'usr/lib/rabbitmq/bin/rabbitmq-server',
  url: (host, port) => `amqp://guest:guest@${host}:${port}`,
  check: async (url) => /version.{5}(\d+[.]\d+[.]\d+)/s.exec(await firstWords(url, Buffer.from('AMQP\0\0\x09\x01', 'latin1')))?.[1] ?? '',
  prepare: (found, isUnpacked) => async (place) => prepare(found, isUnpacked, place),
}

async function prepare(found: Unpacked, isUnpacked: boolean, { folder, port }: Place): Promise<Launch> {
  const server = isUnpacked ? await realpath(found.file) : found.file
  const erlang = isUnpacked ? await unpackedErlang(found.file, folder) : []
  const env: NodeJS.ProcessEnv = {
    ...found.env,
    PATH: [...erlang, found.env['PATH'] ?? ''].join(':'),
    HOME: folder,
    // Nothing of it may listen to others, and two may run at the same time.
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(await freePort()),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_NODENAME: `lameduck${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'environment.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'logs'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS: 'none',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
  }
  const start = join(folder, 'start')
  // Erlang would start its port mapper as a daemon that outlives everything.
  await writeFile(start, `#!/bin/sh\nepmd &\nexec '${server}'\n`, { mode: 0o755 })
  await writeFile(join(folder, 'environment.conf'), '')
  await writeFile(join(folder, 'rabbitmq.conf'), '')
  return { command: start, args: [], env, cwd: folder, stopSignal: 'SIGKILL' }
}

/** Debian's `erl` looks for everything below /usr/lib, so it gets another one; returns the folders for `PATH`. */
async function unpackedErlang(server: string, folder: string): Promise<string[]> {
  const root = join(dirname(server), '..', '..', 'erlang')
  const runtime = (await readdir(root)).find((each) => each.startsWith('erts-')) ?? ''
  const script = `#!/bin/sh\nexport ROOTDIR='${root}' BINDIR='${join(root, runtime, 'bin')}' EMU=beam PROGNAME=erl\nexec "$BINDIR/erlexec" "$@"\n`
  await writeFile(join(folder, 'erl'), script, { mode: 0o755 })
  return [folder, join(root, 'bin')]
}
