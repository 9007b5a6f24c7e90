// Nothing attached: what everything else is compared with. SIGTERM ends it at once.
import { serve } from './serve.mjs'

await serve()
