import { LifecycleError, show } from './errors.ts'

/** All options of `T`: a list that leaves one out does not compile. */
export type OptionNames<T extends object> = { readonly [K in keyof Required<T>]: true }

/**
 * Refuses what is no object of options, and options that are not known: each would do nothing, in silence.
 *
 * @param where what takes them, such as `httpServer()`
 * @param elsewhere names that belong somewhere else, to be suggested, such as `policy.graceMs`
 * @throws LifecycleError `invalid-option`, with the name that was probably meant
 */
export function requireOptions<T extends object>(options: T, names: OptionNames<T>, where: string, elsewhere: readonly string[] = []): T {
  if (typeof options !== 'object' || options === null || isNoRecord(options)) {
    throw new LifecycleError('invalid-option', `${where} takes an object of options; it was given ${show(options)}`)
  }
  const stranger = Object.keys(options).find((key) => !Object.hasOwn(names, key))
  if (stranger === undefined) return options
  const known = Object.keys(names)
  const meant = closest(stranger, [...known, ...elsewhere])
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  throw new LifecycleError('invalid-option', `${where}: the option ${stranger} is not known${hint}${hint === '' ? '; known' : ' Known'} are ${known.join(', ')}`)
}

/** A Map, a Date or an array, which has no options, or none by their names. */
function isNoRecord(options: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(options)
  const isPlain = prototype === null || Object.getPrototypeOf(prototype as object) === null
  return Array.isArray(options) || (!isPlain && Object.keys(options).length === 0)
}

/** The name that differs in its case alone, or begins with it, or is a typing error away. */
export function closest(word: string, names: readonly string[]): string | undefined {
  const wanted = word.toLowerCase().slice(0, 40)
  const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  const byDistance = names.map((name) => ({ name, distance: wanted.length > 2 && isMeant(wanted, lastOf(name)) ? 0.5 : distance(wanted, lastOf(name)) }))
  const [best] = byDistance.toSorted((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.max(1, wanted.length / 3) ? best.name : undefined
}

/** Its beginning, or its letters in another order. */
function isMeant(word: string, name: string): boolean {
  const sorted = (text: string): string => text.split('').toSorted().join('')
  return name.startsWith(word) || sorted(name) === sorted(word)
}

/** How many letters have to be put in, left out or changed (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of one.split('').entries()) {
    const next = [index + 1]
    for (const [at, wanted] of other.split('').entries()) {
      next.push(Math.min((next[at] ?? 0) + 1, (row[at + 1] ?? 0) + 1, (row[at] ?? 0) + (letter === wanted ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
