/** Answers a request with `status` and the message; every other error is a 500 that says nothing. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number

  constructor(status: number, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.status = status
  }
}

/** Status and body for what a handler threw. Unexpected errors go to stderr and stay there. */
export function answerFor(error: unknown): { readonly status: number; readonly body: { readonly error: string } } {
  const status = statusOf(error)
  if (status >= 500) console.error(`orders: ${describe(error)}`)
  const message = error instanceof RequestError || status < 500 ? (error as Error).message : 'internal error'
  return { status, body: { error: message } }
}

/** Frameworks give their own errors (a body that is not JSON) a status too. */
function statusOf(error: unknown): number {
  if (!(error instanceof Error)) return 500
  const { status, statusCode } = error as { status?: unknown; statusCode?: unknown }
  const known = typeof status === 'number' ? status : statusCode
  return typeof known === 'number' && known >= 400 && known < 600 ? known : 500
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
