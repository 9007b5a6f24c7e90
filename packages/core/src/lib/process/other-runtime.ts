/**
 * What is missing where this is not Node.js, in words that name what it is; measured with Bun 1.4.5 and Deno 2.9.6. Both say in
 * `process.version` that they are Node.js.
 */
export function describeOtherRuntime(versions: NodeJS.ProcessVersions = process.versions): string | undefined {
  const { bun, deno } = versions
  if (bun !== undefined) {
    return (
      `this process runs on Bun ${bun}, and lameduck is made for Node.js. Here an unhandled rejection ends the process without a drain, ` +
      'what is written last to a pipe may be lost, a blocked event loop lasts until SIGKILL, and servers of @lameduck/http are refused. Start it with node.'
    )
  }
  if (deno !== undefined) return `this process runs on Deno ${deno}, and lameduck is made for Node.js. Here a blocked event loop lasts until SIGKILL, and little else is tested. Start it with node.`
  return undefined
}
