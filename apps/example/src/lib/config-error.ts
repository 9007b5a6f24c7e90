/** Something outside is wrong (an argument, a variable, a server that does not answer): one line tells it, a stack trace would not help. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
