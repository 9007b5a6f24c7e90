import { parse, type MemberNode, type ValueNode } from '@humanwhocodes/momoa'
import { LifecycleError, oneLine } from '@lameduck/core'

/**
 * The value of a JSON text. `JSON.parse` decides what is JSON; the other parser knows where, and sees a key that is there twice, of which `JSON.parse` takes
 * the last in silence.
 *
 * @throws LifecycleError `invalid-option` with file, line and column.
 */
export function parseJson(text: string, file: string): unknown {
  try {
    const { body } = parse(text, { mode: 'json' })
    refuseTwins(body, file)
    return JSON.parse(text) as unknown
  } catch (cause) {
    if (cause instanceof LifecycleError) throw cause
    if (cause instanceof RangeError) throw new LifecycleError('invalid-option', `the policy ${file} is nested too deeply`, { cause })
    const { line, column, message } = cause as Error & { readonly line?: number; readonly column?: number }
    const where = line === undefined || column === undefined ? '' : `:${line}:${column}`
    throw new LifecycleError('invalid-option', oneLine(`the policy ${file}${where} is not JSON: ${message.replace(/ \(\d+:\d+\)$/, '')}`), { cause })
  }
}

function refuseTwins(value: ValueNode, file: string): void {
  if (value.type === 'Array') {
    for (const { value: element } of value.elements) refuseTwins(element, file)
  }
  if (value.type !== 'Object') return
  const seen = new Set<string>()
  for (const member of value.members) {
    const key = keyOf(member)
    const { line, column } = member.name.loc.start
    if (seen.has(key)) throw new LifecycleError('invalid-option', oneLine(`the policy ${file}:${line}:${column} has the key ${JSON.stringify(key)} a second time; only one of them can count`))
    seen.add(key)
    refuseTwins(member.value, file)
  }
}

function keyOf({ name }: MemberNode): string {
  return name.type === 'String' ? name.value : name.name
}
