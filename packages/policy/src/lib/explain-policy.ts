import type { ResolvedPolicy } from './resolved-policy.ts'

/** One line for each value: what it is, who set it, and whom that overruled. */
export function explainPolicy({ settings, layers }: ResolvedPolicy): string {
  const width = Math.max(0, ...settings.map(({ path }) => path.length))
  const lines = settings.map(({ path, value, set }) => {
    const overruled = set.slice(0, -1).toReversed().map((origin) => `${origin.value} in ${origin.layer}`)
    return `${path.padEnd(width)}  ${value}  from ${set.at(-1)?.layer}${overruled.length > 0 ? `, instead of ${overruled.join(', ')}` : ''}`
  })
  return [`layers: ${layers.join(' → ')}`, ...lines].join('\n')
}
