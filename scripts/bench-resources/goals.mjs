/** What lameduck is to reach, and whether it has in this run. Fixed: it is the code that has to change. */
const atMostRatio = 1.01
const forceMs = { pg: 100, redis: 50, kafka: 1_000 }

export function goalsOf(clients) {
  return Object.entries(clients).flatMap(([name, { overhead, leaving }]) => [
    ...Object.entries(overhead ?? {}).map(([operation, { ratio }]) => goal(`${name}: CPU of one ${operation}, over bare`, ratio.lameduck.median, atMostRatio)),
    ...(leaving ? [goal(`${name}: force while the server is frozen, in ms`, leaving.frozen.lameduck.stuck > 0 ? undefined : leaving.frozen.lameduck.tookMs.median, forceMs[name])] : []),
  ])
}

function goal(what, measured, atMost) {
  return { what, atMost, measured, met: measured !== undefined && measured <= atMost }
}
