import type { Command } from './client-internals.ts'

/** Whether it is a command with which a loop asks for its next element. */
export function isRead({ name = '' }: Command): boolean {
  return /^(?:bl|br|bz|xread)/i.test(name)
}

/** Whether what it reads is nowhere else from then on: nobody can read it again when its answer is lost. */
export function isPop({ name = '', args = [] }: Command): boolean {
  return /^b(?:l|r|lm|z|zm)pop(?:min|max)?$/i.test(name) || (/^xreadgroup$/i.test(name) && args.some((each) => /^noack$/i.test(String(each))))
}

/** `blpop orders`, which is the same for each turn of a loop, whatever its time-outs and ids are. */
export function sourceOf(command: Command): string {
  return [command.name ?? '', ...(command.getKeys?.() ?? [])].join(' ')
}
