/** Resolves after the loop's next check phase, which follows its poll for I/O. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
