import { localhost } from './certificate.ts'

export interface KafkaSettings {
  /** `host:port` that clients are told to use. */
  readonly advertised: string
  readonly clientPort: number
  readonly brokerPort: number
  readonly controllerPort: number
  /** The interface to listen on; empty for all. */
  readonly host: string
  /** Of the cluster that it belongs to. @default the only one */
  readonly node?: KafkaNode
  /** Clients need TLS and a password. @default false */
  readonly isSecure?: boolean
}

export interface KafkaNode {
  readonly id: number
  /** Ports of the controllers of all nodes, this one's among them; the first is that of the node 1. */
  readonly controllerPorts: readonly number[]
}

/** Whom a secure broker lets in, by SASL PLAIN. */
export const kafkaUser: { readonly username: string; readonly password: string } = { username: 'lameduck', password: 'quack' }

/**
 * One process that is broker and controller, made to start, rebalance and notice a dead broker quickly.
 * The broker talks to itself (transaction markers) and to others by a listener of its own, which a container can reach.
 */
export function kafkaSettings({ advertised, clientPort, brokerPort, controllerPort, host, node, isSecure = false }: KafkaSettings): Record<string, string> {
  const self = host || 'localhost'
  const { id, controllerPorts } = node ?? { id: 1, controllerPorts: [controllerPort] }
  const protocol = isSecure ? 'SASL_SSL' : 'PLAINTEXT'
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': controllerPorts.map((port, index) => `${index + 1}@${self}:${port}`).join(','),
    listeners: `${protocol}://${host}:${clientPort},BROKER://${host}:${brokerPort},CONTROLLER://${host}:${controllerPort}`,
    'advertised.listeners': `${protocol}://${advertised},BROKER://${self}:${brokerPort}`,
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `${protocol}:${protocol},BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    ...(isSecure ? secureListener() : {}),
    'num.partitions': '3',
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '2000',
    'log.cleaner.dedupe.buffer.size': '2097152',
  }
}

function secureListener(): Record<string, string> {
  const listener = 'listener.name.sasl_ssl'
  const { username, password } = kafkaUser
  return {
    'sasl.enabled.mechanisms': 'PLAIN',
    [`${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
    [`${listener}.ssl.keystore.type`]: 'PEM',
    [`${listener}.ssl.keystore.key`]: oneLine(localhost.key),
    [`${listener}.ssl.keystore.certificate.chain`]: oneLine(localhost.cert),
  }
}

/** As a file of properties takes it. */
function oneLine(pem: string): string {
  return pem.trimEnd().replaceAll('\n', '\\n')
}

/** `a.b=c` of `--override a.b=c`, the broker's own way to take a setting on the command line. */
export function overrides(args: readonly string[]): Record<string, string> {
  const pairs = args.filter((_, index) => args[index - 1] === '--override')
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}
