/** How many pieces of tracked work have begun in this process: a call during which one has is answered for, whatever it returns. */
let begun = 0

export function noteBegunWork(): void {
  begun += 1
}

/** Runs `call`, and tells whether it has begun tracked work before it returned. */
export function callAndTell<T>(call: () => T): { readonly returned: T; readonly hasBegunWork: boolean } {
  const before = begun
  const returned = call()
  return { returned, hasBegunWork: begun !== before }
}
