import { accessSync, constants } from 'node:fs'

/**
 * The path of Node's own program, where this process may become another one (`execve`): a single executable application would start
 * again, the permission model may forbid it, and where it failed natively the process would be aborted with pages of text.
 */
export function anotherNode(): string | undefined {
  if (process.getBuiltinModule('node:sea').isSea() || process.permission?.has('child') === false) return undefined
  try {
    accessSync(process.execPath, constants.X_OK)
    return process.execPath
  } catch {
    return undefined
  }
}
