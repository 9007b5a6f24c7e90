import { Kafka, logLevel, type Admin, type Consumer, type EachMessagePayload, type Producer } from 'kafkajs'
import { connect } from 'node:net'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { controlOf } from './client-control.ts'
import { drainableKafka } from './drainable-kafka.ts'
import { kafkaAdmin } from './kafka-admin.ts'
import { kafkaConsumer } from './kafka-consumer.ts'
import { kafkaProducer } from './kafka-producer.ts'

const config = { clientId: 'test', brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING }

describe('drainableKafka', () => {
  test('returns a Kafka whose clients are those of kafkajs', () => {
    const kafka = drainableKafka(Kafka, config)
    expect(kafka).toBeInstanceOf(Kafka)
    expectTypeOf(kafka).toEqualTypeOf<Kafka>()
    expectTypeOf(kafka.consumer({ groupId: 'a' })).toEqualTypeOf<Consumer>()
    expectTypeOf(kafka.producer()).toEqualTypeOf<Producer>()
    expectTypeOf(kafka.admin()).toEqualTypeOf<Admin>()
  })

  test('gives each client a control of its own', () => {
    const kafka = drainableKafka(Kafka, config)
    const controls = [kafka.consumer({ groupId: 'a' }), kafka.consumer({ groupId: 'a' }), kafka.producer(), kafka.admin()].map(controlOf)
    expect(new Set(controls).size).toBe(4)
    expect(controls).not.toContain(undefined)
    expect(controlOf(new Kafka(config).producer())).toBeUndefined()
  })

  test('lowers maxWaitTimeInMs to 1000, and leaves one that is given', () => {
    const kafka = drainableKafka(Kafka, config)
    expect(controlOf(kafka.consumer({ groupId: 'a' }))?.settings.consumer).toEqual({ maxWaitTimeInMs: 1_000, sessionTimeout: 30_000, heartbeatInterval: 3_000, rebalanceTimeout: 60_000 })
    expect(controlOf(kafka.consumer({ groupId: 'a', maxWaitTimeInMs: 50 }))?.settings.consumer?.maxWaitTimeInMs).toBe(50)
  })

  test('lets its clients share the logger and the committed offsets, as those of one Kafka do', () => {
    const made: Kafka[] = []
    class Watched extends Kafka {
      constructor(given: ConstructorParameters<typeof Kafka>[0]) {
        super(given)
        made.push(this)
      }
    }
    drainableKafka(Watched, config).consumer({ groupId: 'a' })
    const [outer, own] = made
    const state = (of: object | undefined) =>
      Object.getOwnPropertySymbols(of ?? {}).filter(({ description }) => ['private:Kafka:offsets', 'private:Kafka:logger'].includes(description ?? ''))
    expect(state(outer)).toHaveLength(2)
    for (const key of state(outer)) expect(Reflect.get(own ?? {}, key)).toBe(Reflect.get(outer ?? {}, key))
    expect(own?.logger()).toBe(outer?.logger())
  })

  test('asks the socket factory that it is given, and nobody once the client was cut', async () => {
    const ports: number[] = []
    const kafka = drainableKafka(Kafka, {
      ...config,
      retry: { retries: 0 },
      socketFactory({ host, port, onConnect }) {
        ports.push(port)
        return connect({ host, port }, onConnect)
      },
    })
    const admin = kafka.admin()
    await expect(admin.connect()).rejects.toThrow('ECONNREFUSED')
    expect(ports).toEqual([1])
    controlOf(admin)?.cut(new Error('cut'))
    await expect(admin.connect()).rejects.toThrow('this client has been stopped')
    expect(ports).toEqual([1])
  })

  test('restarts a consumer that crashed unless it was stopped, or the user says no', async () => {
    const given: { retry?: { retries?: number; restartOnFailure?: (error: Error) => Promise<boolean> } }[] = []
    class Watched extends Kafka {
      override consumer(consumerConfig: Parameters<Kafka['consumer']>[0]): Consumer {
        given.push(consumerConfig)
        return super.consumer(consumerConfig)
      }
    }
    const kafka = drainableKafka(Watched, config)
    const consumer = kafka.consumer({ groupId: 'a' })
    kafka.consumer({ groupId: 'a', retry: { retries: 9, restartOnFailure: () => Promise.resolve(false) } })
    const error = new Error('crash')
    expect(given.map(({ retry }) => retry?.retries)).toEqual([5, 9])
    expect(await given[0]?.retry?.restartOnFailure?.(error)).toBe(true)
    expect(await given[1]?.retry?.restartOnFailure?.(error)).toBe(false)
    controlOf(consumer)?.stayDown()
    expect(await given[0]?.retry?.restartOnFailure?.(error)).toBe(false)
  })
})

describe('what is wrong', () => {
  const eachMessage = () => Promise.resolve()
  const eachBatch = () => Promise.resolve()
  const topics = ['orders']
  const made = (settings: object = {}) => drainableKafka(Kafka, config).consumer({ groupId: 'a', ...settings })

  test('throws at once when it cannot work', () => {
    expect(() => kafkaConsumer(made(), { topics: [], eachMessage })).toThrow('kafka-consumer: topics must be an array with at least one topic')
    expect(() => kafkaConsumer(made(), { topics })).toThrow('kafka-consumer needs either eachMessage or eachBatch: eachMessage is undefined (undefined)')
    expect(() => kafkaConsumer(made(), { topics, eachMessage, eachBatch })).toThrow('kafka-consumer needs either eachMessage or eachBatch')
    expect(() => kafkaConsumer(made(), { topics, eachMessage, timeoutMs: 0 })).toThrow('kafka-consumer: timeoutMs must be a number of milliseconds, at least 1; it is 0 (number)')
    expect(() => kafkaProducer(new Kafka(config).producer(), { name: '' })).toThrow('kafka-producer: name must be a text; it is "" (string)')
    expect(() => kafkaProducer(new Kafka(config).producer(), { timeout: 5 } as object)).toThrow('kafka-producer: the option timeout is not known; did you mean timeoutMs? Known are name, timeoutMs, reserveMs, forceMs')
  })

  test('is silent about a consumer that leaves well', () => {
    expect(kafkaConsumer(made(), { topics, eachMessage }).warnings).toEqual([])
    expect(kafkaConsumer(made(), { topics, eachBatch, eachBatchAutoResolve: false }).warnings).toEqual([])
    expect(kafkaConsumer(made(), { topics, eachBatch, autoCommit: false }).warnings, 'its handler commits').toEqual([])
  })

  test('is said of clients that cannot be cut', () => {
    const kafka = new Kafka(config)
    const resources = [kafkaConsumer(kafka.consumer({ groupId: 'a' }), { topics, eachMessage }), kafkaProducer(kafka.producer()), kafkaAdmin(kafka.admin())]
    for (const { warnings } of resources) expect(warnings).toEqual([expect.stringContaining('was not made by drainableKafka()')])
  })

  test('is said of a batch that resolves automatically', () => {
    expect(kafkaConsumer(made(), { topics, eachBatch }).warnings).toEqual([expect.stringContaining('eachBatchAutoResolve on')])
  })

  test('is said of times that do not fit', () => {
    const warn = (settings: object, options = {}) => kafkaConsumer(made(settings), { topics, eachMessage, ...options }).warnings
    expect(warn({ maxWaitTimeInMs: 1_667 })).toEqual([expect.stringContaining('maxWaitTimeInMs is 1667, more than a third of the 5000 ms')])
    expect(warn({ maxWaitTimeInMs: 1_667 }, { reserveMs: 6_000 })).toEqual([])
    expect(warn({ sessionTimeout: 45_000 })).toEqual([expect.stringContaining('sessionTimeout is 45000')])
    expect(warn({ sessionTimeout: 30_000 }, { timeoutMs: 30_000 })).toEqual([])
    expect(warn({ sessionTimeout: 30_000 }, { timeoutMs: 45_000 })).toEqual([
      expect.stringMatching(/^a handler may take 45000 ms \(timeoutMs\), longer than sessionTimeout \(30000\)\. .+ Call heartbeat\(\) in the handler, raise sessionTimeout, or lower timeoutMs\.$/),
    ])
    expect(warn({ rebalanceTimeout: 3_000 })).toEqual([expect.stringMatching(/^rebalanceTimeout is 3000, no longer than heartbeatInterval \(3000\)\. .+ Set it to 9000 or more\.$/)])
    expect(warn({ rebalanceTimeout: 3_001 })).toEqual([])
    expect(warn({ rebalanceTimeout: 20_000 }, { timeoutMs: 20_000 })).toEqual([expect.stringMatching(/^rebalanceTimeout is 20000, no longer than a handler may take \(timeoutMs, 20000\)/)])
    expect(warn({ rebalanceTimeout: 20_000 }, { timeoutMs: 19_999 })).toEqual([])
    expect(warn({ sessionTimeout: 6_000 })).toEqual([expect.stringContaining('heartbeatInterval is 3000, more than a third of sessionTimeout (6000)')])
  })

  test('is said of a transaction that would stay open for long', () => {
    const warnings = (settings: object) => kafkaProducer(drainableKafka(Kafka, config).producer(settings)).warnings
    expect(warnings({})).toEqual([])
    expect(warnings({ transactionTimeout: 90_000 })).toEqual([expect.stringMatching(/^transactionTimeout is 90000\. .+ Set it to 60000 or less\.$/)])
  })
})

test('types: the options of a consumer are those of its run(), typed by kafkajs', () => {
  const consumer = drainableKafka(Kafka, config).consumer({ groupId: 'a' })
  kafkaConsumer(consumer, {
    topics: ['orders', /^orders-/],
    autoCommitThreshold: 5,
    async eachMessage(payload) {
      expectTypeOf(payload).toEqualTypeOf<EachMessagePayload>()
    },
  })
  // @ts-expect-error a misspelt option
  expect(() => kafkaConsumer(consumer, { topics: ['orders'], eachMesage: async () => {}, eachMessage: async () => {} })).toThrow('kafka-consumer: the option eachMesage is not known; did you mean eachMessage? Known are name, timeoutMs')
})
