/** The pinned container images, each in one place. Published tags of the official images. */
export const images = {
  postgres: 'postgres:17.6-alpine',
  redis: 'redis:7.4.6-alpine',
  kafka: 'apache/kafka:4.1.1',
} as const
