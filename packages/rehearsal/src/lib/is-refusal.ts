/** What `connect` fails with because of the other side or the way to it; EADDRNOTAVAIL, EADDRINUSE or EMFILE are the client's own. */
const refusals: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'])

/** Whether no connection came about, and not for a reason of the client's own. */
export function isRefusal({ code, syscall }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNREFUSED' || (syscall === 'connect' && refusals.has(code))
}
