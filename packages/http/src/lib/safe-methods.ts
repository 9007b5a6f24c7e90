const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** They ask for no work (RFC 9110 §9.2.1), and browsers give them up all the time. */
export function isSafe(method: string | undefined): boolean {
  return safeMethods.has(method ?? '')
}
