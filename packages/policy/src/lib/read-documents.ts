import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, resolve } from 'node:path'
import { LifecycleError, show } from '@lameduck/core'
import type { PolicyDocument } from './policy-document.ts'

/** A document with its name and what it forbids, ready to be laid over others. */
export interface Layer {
  readonly name: string
  readonly document: PolicyDocument
}

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
    if (seen.includes(file)) {
      throw new LifecycleError('invalid-option', `${current.name}: the policies extend each other in a circle: ${[...seen, file].join(' → ')}`)
    }
    seen.push(file)
    current = { document: readDocument(file), name: file, folder: dirname(file) }
  }
  return layers
}

/** @throws LifecycleError `invalid-option` that names the file. */
export function readDocument(file: string): PolicyDocument {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new LifecycleError('invalid-option', `the policy ${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  try {
    return JSON.parse(text) as PolicyDocument
  } catch (cause) {
    throw new LifecycleError('invalid-option', `the policy ${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function locate(below: unknown, name: string, folder: string): string {
  if (typeof below !== 'string' || below === '') {
    throw new LifecycleError('invalid-option', `${name}: extends must be a file or a package; it is ${show(below)}`)
  }
  if (below.startsWith('.') || isAbsolute(below)) return resolve(folder, below)
  try {
    return createRequire(resolve(folder, 'policy.json')).resolve(below)
  } catch (cause) {
    throw new LifecycleError('invalid-option', `${name}: extends "${below}", which is not installed; a file would begin with "./"`, { cause })
  }
}

function requireDocument(document: unknown, name: string): void {
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return
  throw new LifecycleError('invalid-option', `the policy ${name} must be an object; it is ${show(document)}`)
}
