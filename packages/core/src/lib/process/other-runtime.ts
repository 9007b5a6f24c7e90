/**
 * What is missing where this is not Node.js, in words that name what it is; measured with Bun 1.4.5 and Deno 2.9.6. Both say that they are Node.js in
 * `process.version`.
 */
export function describeOtherRuntime(versions: NodeJS.ProcessVersions = process.versions): string | undefined {
  const { bun, deno } = versions
  if (bun !== undefined) {
    return (
      `this process runs on Bun ${bun}, and lameduck is made for Node.js: here an unhandled rejection ends the process without a drain, ` +
      'what is written to a pipe last (the report) may be lost, and nothing ends a blocked event loop. Start it with node.'
    )
  }
  if (deno !== undefined) {
    return `this process runs on Deno ${deno}, and lameduck is made for Node.js: here nothing ends a blocked event loop, and nothing else has been tested. Start it with node.`
  }
  return undefined
}
