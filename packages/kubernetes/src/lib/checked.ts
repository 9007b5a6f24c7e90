import { isIP } from 'node:net'
import { oneLine, show } from '@lameduck/core'

/**
 * Everything that comes from outside goes through here: the API server's answer, the token's claims, the mounted files, the environment. A
 * function gives what it was asked for, as a plain value within bounds, or `undefined`; those that begin with `require` throw an Error with the
 * field and what it held. Nothing else in this package reads a foreign value.
 */
export type Fields = Readonly<Record<string, unknown>>

/** Longest text of a foreign message that is kept, in characters. */
const longestText = 300

/** Kubernetes is of June 2014, and no clock of a cluster is before it. */
const firstMoment = Date.UTC(2014, 5)

/** A hundred years, in seconds. */
const longestSeconds = 100 * 365 * 86_400

/** The object that a JSON text holds; empty when it holds something else. @throws SyntaxError */
export function parseFields(json: string): Fields {
  return fieldsOf(JSON.parse(json))
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

/** A field that the object has itself; `null` is what Kubernetes takes for not there. */
function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined
}

export function has(fields: Fields, name: string): boolean {
  return own(fields, name) !== undefined
}

/** An object in a field, empty where there is none. */
export function below(fields: Fields, name: string): Fields {
  return fieldsOf(own(fields, name))
}

/** A list of objects; what is not one is empty, and a list that is not there has nothing in it. */
export function listBelow(fields: Fields, name: string): readonly Fields[] {
  const value = own(fields, name)
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

/** A list that has only objects. Kubernetes leaves out a list that is empty. */
export function requireList(fields: Fields, name: string, least: number): readonly Fields[] {
  const value = own(fields, name) ?? []
  const isList = Array.isArray(value) && value.length >= least && value.every((each) => typeof each === 'object' && each !== null)
  if (!isList) throw new Error(`the Pod's ${name} are ${shown(value)}`)
  return value.map(fieldsOf)
}

/** A text as one short line without control characters. */
export function line(fields: Fields, name: string): string | undefined {
  const value = own(fields, name)
  return typeof value === 'string' && value !== '' ? shortLine(value) : undefined
}

/** Exactly this text. */
export function says(fields: Fields, name: string, text: string): boolean {
  return own(fields, name) === text
}

/** Foreign text, cut before anything else is done with it. */
export function shortLine(text: string, most: number = longestText): string {
  const short = oneLine(text.slice(0, most)).replaceAll('\t', ' ')
  return text.length > most ? `${short}…` : short
}

/** What was thrown, as one short line. An AggregateError of several addresses has no message of its own. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return shortLine(shown(error))
  return shortLine(error.message || String((error as NodeJS.ErrnoException).code ?? error.name))
}

/** A name of an object: letters, digits and `-`, in parts with dots between (an RFC 1123 subdomain). */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 253 && value.split('.').every((part) => /^[a-z0-9-]+$/.test(part) && !part.startsWith('-') && !part.endsWith('-'))
}

/** A namespace: a name of at most 63 characters without dots. */
export function isNamespace(value: unknown): value is string {
  return isName(value) && value.length <= 63 && !value.includes('.')
}

/** A uid; mostly a UUID, which nothing promises. */
export function uid(fields: Fields, name: string = 'uid'): string | undefined {
  const value = own(fields, name)
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined
}

/** A field that the given rule finds right. */
export function checkedText(fields: Fields, name: string, isRight: (value: unknown) => value is string): string | undefined {
  const value = own(fields, name)
  return isRight(value) ? value : undefined
}

/** Whole seconds as ms. */
export function seconds(fields: Fields, name: string): number | undefined {
  const value = own(fields, name)
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= longestSeconds ? value * 1_000 : undefined
}

export function requireSeconds(fields: Fields, name: string): number | undefined {
  return required(fields, name, seconds(fields, name))
}

/** A moment as Kubernetes writes it (`2026-01-31T12:00:00Z`), in ms since 1970. */
export function requireMoment(fields: Fields, name: string): number | undefined {
  const value = own(fields, name)
  const isMoment = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)
  return required(fields, name, isMoment ? momentOf(value) : undefined)
}

/** The moment of a `Date` header, in ms since 1970. */
export function headerMoment(value: unknown): number | undefined {
  return typeof value === 'string' && /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(value) ? momentOf(value) : undefined
}

function momentOf(text: string): number | undefined {
  const ms = Date.parse(text)
  return ms >= firstMoment ? ms : undefined
}

function required<T>(fields: Fields, name: string, checked: T | undefined): T | undefined {
  if (checked === undefined && has(fields, name)) throw new Error(`the Pod's ${name} is ${shown(own(fields, name))}`)
  return checked
}

/** An address or a host's name. Brackets belong to a URL, not to an address. @throws Error */
export function requireHost(value: unknown): string {
  const host = typeof value === 'string' && value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value
  if (typeof host === 'string' && (isIP(host) !== 0 || isName(host.toLowerCase()))) return host
  throw new Error(`KUBERNETES_SERVICE_HOST must be an address or a host's name; it is ${shown(value)}`)
}

/** @throws Error */
export function requirePort(value: unknown): number {
  if (value === undefined || value === '') return 443
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : 0
  if (port > 0 && port < 65_536) return port
  throw new Error(`KUBERNETES_SERVICE_PORT must be a port from 1 to 65535; it is ${shown(value)}`)
}

/** What a header can carry: a token of another form is not one. @throws Error */
export function requireToken(text: string, file: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new Error(`${file} does not hold a token: ${text === '' ? 'it is empty' : 'it has other characters than a token'}`)
}

/** A foreign value in a message. Lists and objects may be large. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return show(value.slice(0, 100))
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? `a list of ${value.length}` : 'an object') : show(value)
}
