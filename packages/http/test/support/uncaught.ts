import { onTestFinished } from 'vitest'

/** What nobody has caught since, of errors and of rejections; the runner reports them too, but of the file and not of the test. */
export function uncaught(): readonly unknown[] {
  const errors: unknown[] = []
  const keep = (error: unknown): void => void errors.push(error)
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, keep)
    onTestFinished(() => void process.off(event, keep))
  }
  return errors
}
