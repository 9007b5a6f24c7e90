import { runInNewContext } from 'node:vm'
import type { Input } from './input.ts'

/** As `hostile`, and nobody's yet: where it is a promise that rejects, that is no unhandled rejection. */
export function keptHostile(input: Input): unknown {
  const value = hostile(input)
  try {
    // Also one of another realm.
    if (Object.prototype.toString.call(value) === '[object Promise]') (value as Promise<unknown>).catch(() => {})
  } catch {
    // It refuses to be looked at.
  }
  return value
}

/** Anything that a stranger may hand over: what throws when it is looked at, what says nothing true of itself, and what has no end. */
function hostile(input: Input): unknown {
  return (makers[input.below(makers.length)] as (typeof makers)[number])(input)
}

/** As a line of the dictionary, or the bytes themselves, many times over. */
export function foreignText(input: Input, most: number): string {
  let text = ''
  for (let left = 1 + input.below(6); left > 0; left -= 1) {
    const piece = input.below(3) === 0 ? input.bytes(1 + input.below(12)).toString(input.below(2) ? 'latin1' : 'utf8') : input.pick(pieces)
    text += piece.repeat(1 + (input.below(4) === 0 ? input.below(most / 6 / piece.length + 1) : input.below(4)))
  }
  return text
}

const pieces = [' ', '\n', '\t', '\r\n', ' \n ', '\u001B[2J', '\u009B31m', '\u0000', '\u007F', '\u2028', '\u202E', '\uD800', '\uDC00', '😀', 'é', '"', '\\', '{', 'a', '    at x (y:1:1)\n']

const refuse = (): never => {
  throw new Error('refused on purpose')
}
const everyTrap: ProxyHandler<() => void> = Object.fromEntries(Reflect.ownKeys(Reflect).filter((key) => typeof key === 'string').map((key) => [key, refuse]))

const makers: readonly ((input: Input) => unknown)[] = [
  () => undefined,
  () => null,
  (input) => input.pick([NaN, -1, 0, 1, 0.5, 1e308, Infinity, -Infinity, 2 ** 53]),
  (input) => foreignText(input, 600),
  () => Symbol('foreign'),
  () => 10n ** 30n,
  () => new Proxy(refuse, everyTrap),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  (input) => getters(input.pick(['message', 'stack', 'name', 'cause', 'then', 'length', 'toString', 'constructor', 'toJSON', 'done', 'reasons'])),
  (input) => getters(input.pick(['message', 'stack', 'name', 'cause', 'code', 'toString', 'toJSON', 'errors']), new Error('foreign')),
  (input) => new Error(foreignText(input, 600), { cause: input.isOver ? undefined : keptHostile(input) }),
  (input) => new AggregateError([input.isOver ? 1 : keptHostile(input)], foreignText(input, 100)),
  () => cycle({}),
  () => cycle(new Error('cycle')),
  () => Array.from({ length: 30_000 }, () => ' '),
  () => Object.create(null),
  () => ({ toString: (): unknown => ({}) }),
  () => ({ constructor: { name: '\u001B[2J' } }),
  () => thenable(refuse),
  () => thenable(() => {}),
  (input) => {
    const isDoneFirst = input.below(2) === 1
    return thenable((done, failed) => {
      if (isDoneFirst) done(1)
      failed(2)
      done(3)
    })
  },
  () => runInNewContext('Promise.reject(new Error("of another realm"))'),
  () => runInNewContext('new Error("of another realm")'),
  () => runInNewContext('Promise.resolve(1)'),
  () => Promise.reject(new Error('rejected on purpose')),
  () => new Date(NaN),
  () => new Map([[1, 1]]),
  (input) => ({ done: input.pick([NaN, -1, '1', 1e308]), failed: input.pick([NaN, -5, 1]), cut: 0, refused: input.pick([0, '2', undefined]), unknown: 0, reasons: input.pick<unknown>([null, 'x', [Symbol('x')], ['\u001B[2J']]) }),
  () => () => 1,
]

function getters(name: string, on: object = {}): unknown {
  return Object.defineProperty(on, name, { get: refuse })
}

function cycle(on: object): unknown {
  return Object.assign(on, { cause: on, self: on, errors: [on] })
}

type Then = (done: (value: unknown) => void, failed: (error: unknown) => void) => void
const thenable = (then: Then): unknown => Object.fromEntries(['then'].map((key) => [key, then]))
