import type { Lifecycle } from '@lameduck/core'
import { createProbes, markProbe, type ProbeOptions } from '@lameduck/probes'
import type { FastifyInstance } from 'fastify'

/**
 * A plugin with `/livez`, `/readyz` and `/startupz` on the app's own port: `app.register(probes(lifecycle))`.
 *
 * They are routes like all others: hooks of the instance they are registered in (authentication!) run for them too, and a
 * prefix moves them. They do not log. When the listener closes they are gone with it; `probeServer` of `@lameduck/probes`
 * answers to the end.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function probes(lifecycle: Lifecycle, options: ProbeOptions = {}): (instance: FastifyInstance) => Promise<void> {
  const all = createProbes(lifecycle, options)
  const { live, startup, ready } = all.paths
  return async (instance) => {
    for (const url of [live, startup, ready, `${ready}/*`]) {
      instance.route({
        url,
        method: ['GET', 'HEAD'],
        exposeHeadRoute: false,
        logLevel: 'silent',
        async handler(request, reply) {
          const answer = all.answer(request.method, request.url.slice(instance.prefix.length))
          if (!answer) return reply.callNotFound()
          markProbe(request.raw)
          const found = await answer
          return reply.code(found.status).headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).type('text/plain; charset=utf-8').send(found.body)
        },
      })
    }
  }
}
