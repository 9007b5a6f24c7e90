import type * as core from '@lameduck/core'
import type { Report } from '@lameduck/core'
import { foreignText, keptHostile } from '../hostile.ts'
import type { Target } from '../target.ts'

type Core = typeof core
interface Describing {
  readonly describeValue: (value: unknown) => string
  readonly describeError: (error: unknown) => string
  readonly describeStack: (error: unknown) => string
}
interface Fitting {
  readonly fitJson: (head: object, key: string, items: readonly object[], maxBytes: number) => string
}

// Line feeds and tabs are allowed in a stack.
const controls = /(?![\n\t])[\p{Cc}\u2028\u2029\u202A-\u202E]/u
const tooSlowMs = 400

/** Foreign texts in one line of a log, in a stack, in JSON. */
export const texts: Target = {
  name: 'texts',
  promise: 'any value becomes a bounded text without control characters, and valid JSON within its bound, in linear time',
  async open(load) {
    const { oneLine } = await load<Pick<Core, 'oneLine'>>('core/build/lib/foreign-text.js')
    const { describeValue, describeError, describeStack } = await load<Describing>('core/build/lib/describe-value.js')
    const { fitJson } = await load<Fitting>('core/build/lib/report/fit-json.js')
    const { reportLine } = await load<Pick<Core, 'reportLine'>>('core/build/lib/report/report-line.js')
    return (input) => {
      const text = foreignText(input, 60_000)
      const value = input.below(2) ? new Error(text, { cause: keptHostile(input) }) : keptHostile(input)
      const begunAt = performance.now()
      const lines = [oneLine(text), describeValue(text), describeError(new Error(text)), describeValue(value), describeError(value)]
      const stacks = [describeStack(value), describeStack(new Error(text))]
      const maxBytes = 600 + input.below(4_000)
      const json = [
        fitJson({ text }, 'items', Array.from({ length: input.below(60) }, () => ({ text, value: 1 })), maxBytes),
        reportLine(reportOf(oneLine(text), value)),
      ]
      const tookMs = performance.now() - begunAt
      if (tookMs > tooSlowMs) return `${text.length} characters took ${tookMs.toFixed(0)} ms`
      const wild = [...lines, ...stacks].find((line) => controls.test(line))
      if (wild !== undefined) return `a control character is left: ${JSON.stringify(wild.slice(0, 200))}`
      if (lines.some((line) => line.length > 2_040 || line.includes('\n'))) return `a line is too long, or not one: ${Math.max(...lines.map((line) => line.length))}`
      if (stacks.some((line) => line.length > 16_100)) return 'a stack is too long'
      for (const each of json) JSON.parse(each)
      const [fitted = '', report = ''] = json
      if (Buffer.byteLength(fitted) > maxBytes) return `JSON of ${Buffer.byteLength(fitted)} bytes where ${maxBytes} are allowed`
      if (Buffer.byteLength(report) > 16_000) return `a report line of ${Buffer.byteLength(report)} bytes`
      return undefined
    }
  },
  mutants: [
    { name: 'keeps-controls', file: 'core/build/lib/foreign-text.js', find: '/[\\p{Cc}\\p{Cs}', replace: '/[\\p{Cs}' },
    { name: 'takes-quadratic-time', file: 'core/build/lib/foreign-text.js', find: 'cut(text, longestText).replaceAll(/\\s+/g', replace: 'text.replaceAll(/\\s*\\n\\s*/g' },
    { name: 'does-not-count-items', file: 'core/build/lib/report/fit-json.js', find: 'left -= Buffer.byteLength(text) + 1', replace: 'left -= text.length / 4' },
  ],
}

function reportOf(text: string, error: unknown): Report {
  const steps = Array.from({ length: 3 }, (_, n) => ({ name: `r${n}`, outcome: 'failed', error: text, waitingFor: [text] }))
  return { result: 'failed', reason: { kind: 'fatal', origin: 'uncaughtException', error }, warnings: [text], errors: [text], steps } as unknown as Report
}
