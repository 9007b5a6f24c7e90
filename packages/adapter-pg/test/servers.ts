import { serveTests } from '@lameduck/servers/vitest'

export const setup = serveTests('postgres')
