/** By a global name: `@lameduck/http` reads it, and neither package needs the other. */
const probeKey = Symbol.for('lameduck.probe')

/**
 * Tells `@lameduck/http` that a request is a probe's and no work, so that it does not stretch the lame duck. `probeListener` and the
 * framework plugins do so with what they answer; it is for who answers by `createProbes` alone.
 *
 * @param request Node's own (of Fastify `request.raw`, of Koa `ctx.req`, of Hono `context.env.incoming`)
 */
export function markProbe(request: object): void {
  const marked = request as { [probeKey]?: boolean; readonly stream?: { [probeKey]?: boolean } | null }
  marked[probeKey] = true
  // On HTTP/2 the server knows the stream alone.
  if (typeof marked.stream === 'object' && marked.stream !== null) marked.stream[probeKey] = true
}
