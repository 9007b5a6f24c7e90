import { realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, isAbsolute, resolve } from 'node:path'
import { LifecycleError, oneLine, show } from '@lameduck/core'
import { parseJson } from './parse-json.ts'
import type { PolicyDocument } from './policy-document.ts'
import { readFile } from './read-file.ts'
import { isRecord } from './settings.ts'

/** A document with its name and what it forbids, ready to be laid over others. */
export interface Layer {
  readonly name: string
  readonly document: PolicyDocument
}

/** A longer chain is a mistake, such as one that goes through links. */
const mostLayers = 20

/** The document and everything it extends, the lowest first. `folder` is where its relative paths start. */
export function readDocuments(document: PolicyDocument, name: string, folder: string): Layer[] {
  const layers: Layer[] = []
  const seen: string[] = []
  let current: { document: PolicyDocument; name: string; folder: string } | undefined = { document, name, folder }
  while (current) {
    requireDocument(current.document, current.name)
    layers.unshift({ name: current.document.name ?? current.name, document: current.document })
    const { extends: below } = current.document
    if (below === undefined) break
    const file = locate(below, current.name, current.folder)
    const real = realPath(file)
    if (seen.includes(real)) {
      throw new LifecycleError('invalid-option', oneLine(`${current.name}: the policies extend each other in a circle: ${[...seen, real].join(' → ')}`))
    }
    seen.push(real)
    if (seen.length > mostLayers) throw new LifecycleError('invalid-option', oneLine(`${current.name}: more than ${mostLayers} policies extend each other; the last is ${file}`))
    current = { document: readDocument(file), name: file, folder: dirname(file) }
  }
  return layers
}

/** @throws LifecycleError `invalid-option` that names the file. */
export function readDocument(file: string): PolicyDocument {
  return parseJson(readFile(file), file) as PolicyDocument
}

/** One file may have several names. One that is not there is told when it is read. */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

function locate(below: unknown, name: string, folder: string): string {
  if (typeof below !== 'string' || below === '') {
    throw new LifecycleError('invalid-option', `${name}: extends must be a file or a package; it is ${show(below)}`)
  }
  if (isBuiltin(below)) throw new LifecycleError('invalid-option', `${name}: extends "${below}", which is a module of Node; a file would begin with "./"`)
  if (below.startsWith('.') || isAbsolute(below)) return resolve(folder, below)
  try {
    return createRequire(resolve(folder, 'policy.json')).resolve(below)
  } catch (cause) {
    throw new LifecycleError('invalid-option', oneLine(`${name}: extends "${below.slice(0, 200)}", which is not installed; a file would begin with "./"`), { cause })
  }
}

function requireDocument(document: unknown, name: string): void {
  if (!isRecord(document)) throw new LifecycleError('invalid-option', `the policy ${name} must be an object; it is ${show(document)}`)
  const own = (document as { name?: unknown }).name
  const isName = own === undefined || (typeof own === 'string' && own.trim() !== '' && own.length <= 200 && oneLine(own) === own)
  if (!isName) throw new LifecycleError('invalid-option', `the policy ${name}: name must be one line of at most 200 characters; it is ${show(own)}`)
}
