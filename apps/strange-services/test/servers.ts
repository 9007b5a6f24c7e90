import { serveTests } from '@lameduck/servers/vitest'

export const setup: () => Promise<() => Promise<void>> = serveTests('postgres', 'redis', 'kafka')
