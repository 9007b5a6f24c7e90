import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'

/** A Node.js that the child-process tests run their programs on. */
export interface NodeUnderTest {
  /** Such as `Node 22.23.1`; use it as `describe.each(nodes)('$name', …)`. */
  readonly name: string
  /** Absolute path of the binary. */
  readonly path: string
  readonly major: number
  /**
   * How a process may end that its watchdog ended. Where it cannot become another program it ends by exit(3), beside threads that still
   * run: on a busy machine that crashed in one of seven runs.
   */
  readonly stalledEnds: readonly (number | NodeJS.Signals)[]
}

/**
 * The Nodes of `LAMEDUCK_NODES` (paths, colon-separated as in PATH), or the one that runs the tests. The tests themselves
 * always run on the latter; only what they start runs on the others. `npm run matrix` sets the variable.
 *
 * @throws Error when one of them cannot be run: a matrix that leaves one out would be green for nothing.
 */
export const nodes: readonly NodeUnderTest[] = nodesFrom(process.env['LAMEDUCK_NODES'])

function nodesFrom(list: string | undefined): NodeUnderTest[] {
  const paths = (list ?? '').split(delimiter).filter((path) => path !== '')
  if (paths.length === 0) return [describeNode(process.execPath, process.version)]
  return paths.map((path) => {
    const { stdout, error, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (error || status !== 0) throw new Error(`LAMEDUCK_NODES: ${path} cannot be run: ${error?.message ?? `exit code ${status}`}`)
    return describeNode(path, stdout.trim())
  })
}

function describeNode(path: string, version: string): NodeUnderTest {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
  const canBecomeAnother = major > 22 || (major === 22 && minor >= 15)
  return { name: `Node ${version.slice(1)}`, path, major, stalledEnds: canBecomeAnother ? [70] : [70, 'SIGSEGV', 'SIGABRT', 'SIGKILL'] }
}
