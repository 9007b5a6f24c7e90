import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Answering, Launch, Place } from './recipe.ts'
import type { BrokerName } from './server.ts'
import type { Unpacked } from './unpacked-packages.ts'

/** A message broker, which is always one's own. */
export interface Broker extends Answering {
  readonly name: BrokerName
  readonly command: string
  /** Packages of Debian and Ubuntu. */
  readonly packages: readonly string[]
  /** Where the program is below `/`. */
  readonly program: string
  prepare(found: Unpacked, isUnpacked: boolean): (place: Place) => Promise<Launch>
}

export const nats: Broker = {
  name: 'nats',
  title: 'NATS',
  command: 'nats-server',
  packages: ['nats-server'],
  program: 'usr/sbin/nats-server',
  url: (host, port) => `nats://${host}:${port}`,
  check: async (url) => /"version":"([^"]+)"/.exec(await firstWords(url))?.[1] ?? '',
  prepare: ({ file, env }) => async ({ folder, port }) => ({
    command: file,
    args: ['--addr', '127.0.0.1', '--port', String(port)],
    env,
    cwd: folder,
    stopSignal: 'SIGKILL',
  }),
}

export const mosquitto: Broker = {
  name: 'mosquitto',
  title: 'Mosquitto',
  command: 'mosquitto',
  packages: ['mosquitto'],
  program: 'usr/sbin/mosquitto',
  url: (host, port) => `mqtt://${host}:${port}`,
  // CONNECT of MQTT 3.1.1 with an empty client id; it is answered by CONNACK.
  async check(url) {
    await firstWords(url, Buffer.from('100c00044d5154540402003c0000', 'hex'))
    return ''
  },
  prepare: ({ file, env }) => async ({ folder, port }) => {
    const configuration = join(folder, 'mosquitto.conf')
    await writeFile(configuration, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'user root', ''].join('\n'))
    return { command: file, args: ['-c', configuration], env, cwd: folder, stopSignal: 'SIGKILL' }
  },
}

/** What a server says first, or in answer to a greeting. */
export async function firstWords(url: string, greeting?: Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), timeout: 2_000 })
  socket.once('timeout', () => socket.destroy(new Error('it does not answer')))
  try {
    if (greeting) socket.write(greeting)
    const [words] = (await once(socket, 'data')) as [Buffer]
    return words.toString('latin1')
  } finally {
    socket.destroy()
  }
}
