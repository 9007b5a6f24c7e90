import { readdirSync, readFileSync } from 'node:fs'

/** How a thread sleeps that has nothing to do: the number of `futex`, by `process.arch`. */
const sleeping: Readonly<Record<string, string>> = { x64: '202', arm64: '98', riscv64: '98', loong64: '98', s390x: '238', ppc64: '221', arm: '240', ia32: '240' }

/**
 * Whether a thread of libuv's pool waits in the kernel for something, a FIFO or a dead file server, which holds up `process.exit`. Node 26 lists
 * some of that nowhere (`fs.readFile`). Linux tells it in its procfs; elsewhere, and where that may not be read, nothing is known.
 */
export function isPoolHeld(): boolean {
  const idle = sleeping[process.arch]
  if (idle === undefined) return false
  try {
    return readdirSync('/proc/self/task').some((thread) => {
      const of = (file: string): string => readFileSync(`/proc/self/task/${thread}/${file}`, 'utf8').trim()
      if (of('comm') !== 'libuv-worker') return false
      const [call] = of('syscall').split(' ', 1)
      return call !== 'running' && call !== idle
    })
  } catch {
    return false
  }
}
