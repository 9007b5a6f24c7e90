import { images } from './images.ts'
import type { Recipe } from './recipe.ts'
import { Unavailable } from './unavailable.ts'

export const kafka: Recipe = {
  name: 'kafka',
  title: 'Kafka',
  variable: 'KAFKA_BROKERS',
  remedies: 'install Java 17 and Maven (on Debian: apt-get install default-jre-headless maven), or set KAFKA_BROKERS to one that runs',
  image: { image: images.kafka, port: 9092, environment: () => ({}), command: () => [] },
  url: (host, port) => `${host}:${port}`,
  check: async () => '',
  find: async () => undefined,
  install: async () => {
    throw new Unavailable('not yet')
  },
}
