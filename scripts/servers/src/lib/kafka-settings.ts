export interface KafkaSettings {
  /** `host:port` that clients are told to use. */
  readonly advertised: string
  readonly clientPort: number
  readonly brokerPort: number
  readonly controllerPort: number
  /** The interface to listen on; empty for all. */
  readonly host: string
}

/**
 * One process that is broker and controller, made to start, rebalance and notice a dead broker quickly.
 * The broker talks to itself (transaction markers) by a listener of its own, which a container can reach.
 */
export function kafkaSettings({ advertised, clientPort, brokerPort, controllerPort, host }: KafkaSettings): Record<string, string> {
  const self = host || 'localhost'
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${self}:${controllerPort}`,
    listeners: `PLAINTEXT://${host}:${clientPort},BROKER://${host}:${brokerPort},CONTROLLER://${host}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${advertised},BROKER://${self}:${brokerPort}`,
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
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

/** `a.b=c` of `--override a.b=c`, the broker's own way to take a setting on the command line. */
export function overrides(args: readonly string[]): Record<string, string> {
  const pairs = args.filter((_, index) => args[index - 1] === '--override')
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}
