/**
 * Monotonic milliseconds that mean the same in every process of this machine: `hrtime` counts from a
 * system-wide point, `performance.now()` from the start of each process. The load runs in a process of its own.
 */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
