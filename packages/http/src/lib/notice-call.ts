/** Tells when a method is called from now on. It goes on doing what it does. */
export function notice<T extends object>(target: T, method: keyof T, onCall: () => void): void {
  const call = target[method] as (...parameters: unknown[]) => unknown
  const value = (...parameters: unknown[]): unknown => {
    onCall()
    return Reflect.apply(call, target, parameters)
  }
  Object.defineProperty(target, method, { configurable: true, writable: true, value })
}
