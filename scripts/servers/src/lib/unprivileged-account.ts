import { readFile } from 'node:fs/promises'
import { Unavailable } from './unavailable.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * The account for a program that refuses to run as root: `postgres` if there is one, else `nobody`.
 * `undefined` when this process is not root, and everything can run as it is.
 */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (!found) throw new Unavailable('PostgreSQL does not run as root, and this system has no account "postgres" or "nobody"')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}
