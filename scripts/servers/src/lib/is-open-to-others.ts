import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Whether every account may enter the folder; what lies below a folder like /root, another account cannot run. */
export async function isOpenToOthers(folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0) return false
  return dirname(folder) === folder || isOpenToOthers(dirname(folder))
}
