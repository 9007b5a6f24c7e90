import type pg from 'pg'
import { eventually } from './contexts.ts'

/** Sessions of one application, as the server sees them. */
export async function sessions(admin: pg.Client, application: string): Promise<{ pid: number; state: string }[]> {
  const { rows } = await admin.query<{ pid: number; state: string }>('SELECT pid, state FROM pg_stat_activity WHERE application_name = $1', [application])
  return rows
}

/** Within 2 s no session of the application is left. */
export async function sessionsLeft(admin: pg.Client, application: string): Promise<number> {
  return (await eventually(() => sessions(admin, application), (rows) => rows.length === 0)).length
}

export async function untilActive(admin: pg.Client, application: string, queries: number): Promise<void> {
  await eventually(() => sessions(admin, application), (rows) => rows.filter(({ state }) => state === 'active').length === queries, 10_000)
}

/** Whether the row's lock is free, seen from another session, within 2 s. */
export async function isRowFree(admin: pg.Client, id: number): Promise<boolean> {
  const tryLock = async (): Promise<boolean> => {
    try {
      await admin.query('SELECT * FROM ledger WHERE id = $1 FOR UPDATE NOWAIT', [id])
      return true
    } catch {
      return false
    }
  }
  return eventually(tryLock, (free) => free)
}
