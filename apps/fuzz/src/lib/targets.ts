import { frames } from './targets/frames.ts'
import { http1 } from './targets/http1.ts'
import { http2 } from './targets/http2.ts'
import { listeners } from './targets/listeners.ts'
import { options } from './targets/options.ts'
import { probes } from './targets/probes.ts'
import { texts } from './targets/texts.ts'
import { values } from './targets/values.ts'
import type { Target } from './target.ts'

export const targets: readonly Target[] = [texts, options, frames, values, listeners, http1, http2, probes]
