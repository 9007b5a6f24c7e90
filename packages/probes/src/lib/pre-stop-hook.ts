import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LifecycleError, requireOptions, show, type Lifecycle } from '@lameduck/core'
import { requirePath, type ProbePaths } from './probe-paths.ts'

/** A preStop hook of the kind `httpGet`. */
export interface PreStopOptions {
  /** Such as `'/prestop'`. */
  readonly path: string
  /**
   * What the caller must send as `Authorization: Bearer …`, at least 16 characters: the manifest's `httpHeaders` have it. Without it whoever reaches the port takes this
   * replica out of its balancer for a while. `false` allows that, with a warning; `undefined`, as of a variable that is not set, is refused.
   */
  readonly secret: string | false | undefined
}

const shortestSecret = 16

/** Answers a call of the hook, or returns false where the request is none. */
export type PreStopHook = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * Announces the end to the lifecycle, and answers when the policy's `lameDuck.minMs` is over or the stop has begun. A repeated call
 * (kubelet's, after it has restarted itself) waits for the same end. A service that has not been ready has nobody to lead away: it answers at once.
 *
 * After an announcement that no signal has followed, calls are answered at once for a grace period, and announce nothing.
 *
 * @throws LifecycleError `invalid-option`
 */
export function preStopHook(lifecycle: Lifecycle, options: PreStopOptions, { live, ready, startup }: Required<ProbePaths>): PreStopHook {
  const { path, secret } = requireOptions(options, { path: true, secret: true }, 'preStop')
  requirePath(path, 'preStop.path')
  if ([live, ready, startup].includes(path) || path.startsWith(`${ready}/`)) {
    throw new LifecycleError('invalid-option', `preStop.path must differ from the probes' paths; it is ${show(path)}`)
  }
  const isRight = secret === false ? () => true : comparison(secret)
  let announcedAt: number | undefined
  let quietUntil = -Infinity
  lifecycle.subscribe((event) => {
    if (event.type !== 'pre-stop') return
    announcedAt = event.announced ? performance.now() : undefined
    if (!event.announced) quietUntil = performance.now() + lifecycle.policy.graceMs
  })

  return (request, response) => {
    // Only a GET: what looks for open doors often asks with HEAD.
    if (request.method !== 'GET' || request.url !== path) return false
    if (isRight(request.headers.authorization)) run(response)
    else refuse(request, response)
    return true
  }

  function refuse({ headers }: IncomingMessage, response: ServerResponse): void {
    const how = headers.authorization === undefined ? 'without its secret' : 'with another secret than preStop.secret'
    lifecycle.warn(`${path} was called ${how}. If that was the kubelet, the manifest's httpHeaders must have Authorization: Bearer, and the secret; if not, somebody looks for open doors.`)
    response.writeHead(404, { 'content-length': 0 }).end()
  }

  function run(response: ServerResponse): void {
    const answered = performance.now() < quietUntil ? () => {} : lifecycle.preStop()
    const beganAt = announcedAt ?? performance.now()
    const leftMs = announcedAt !== undefined && lifecycle.state.name === 'ready' ? beganAt + lifecycle.policy.lameDuck.minMs - performance.now() : 0
    // The platform waits for the answer; a process that has nothing else to do need not.
    const timer = setTimeout(answer, Math.max(0, leftMs)).unref()
    lifecycle.stopping.addEventListener('abort', answer)
    response.once('close', () => {
      forget()
      answered()
    })

    function forget(): void {
      clearTimeout(timer)
      lifecycle.stopping.removeEventListener('abort', answer)
    }

    function answer(): void {
      forget()
      const body = `waited ${Math.round(performance.now() - beganAt)} ms\n`
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' }).end(body)
    }
  }
}

/** In a time that says nothing of the secret, its length included. */
function comparison(secret: unknown): (header: string | undefined) => boolean {
  if (typeof secret !== 'string' || secret.length < shortestSecret || secret.trim() !== secret || /[^\x20-\x7e]/.test(secret)) {
    const given = typeof secret === 'string' ? `it has ${secret.length}${secret.length < shortestSecret ? '' : ', some of which no header can carry, or space at an end'}` : `it is ${show(secret)}`
    throw new LifecycleError('invalid-option', `preStop.secret must be a text of at least ${shortestSecret} characters, or false; ${given}. The manifest's httpHeaders send it as Authorization: Bearer.`)
  }
  const wanted = digest(`Bearer ${secret}`)
  return (header = '') => timingSafeEqual(digest(header.replace(/^bearer /i, 'Bearer ')), wanted)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
