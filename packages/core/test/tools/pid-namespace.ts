import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const plain = ['unshare', '--pid', '--mount-proc', '--fork', '--kill-child=SIGKILL']

/**
 * The words to put before a command so that it runs as PID 1 of a new PID namespace with its own `/proc`, as a container's
 * first process does. When `unshare` is killed, so is everything in the namespace. Needs root, or a kernel that lets others
 * make user namespaces; nothing where it cannot be had.
 */
export const pidNamespace: readonly string[] | undefined = [plain, [...plain, '--user', '--map-root-user']].find(
  ([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0,
)

/** The first process of the namespace, as it is called outside. */
export function firstProcess(unshare: number): number {
  return Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim().split(' ')[0])
}
