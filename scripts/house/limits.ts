import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Breach, Workspace } from './workspace.ts'

/** A row of the page's tables: what, the limit with its number in front, and the constant that is it. */
const row = /^\|[^|]*\| *([\d,]+)[^|]*\| *\[`(\w+)`\]\(\.\.\/([^)]+)\) *\|$/gm

/** The limits that docs/limits.md tells are those of the code. */
export function checkLimits({ root, read }: Workspace): Breach[] {
  const page = join(root, 'docs', 'limits.md')
  if (!existsSync(page)) return []
  return [...read(page).matchAll(row)].flatMap(([, told, name, file]) => {
    const number = Number((told as string).replaceAll(',', ''))
    const found = existsSync(join(root, file as string)) ? valueOf(read(join(root, file as string)), name as string) : undefined
    return found === number ? [] : [{ file: 'docs/limits.md', message: `says that ${name} is ${number}; it is ${found ?? 'not there'} in ${file}` }]
  })
}

/** Of a constant that is a number, or a product of some. */
function valueOf(source: string, name: string): number | undefined {
  const value = new RegExp(`const ${name}(?:: number)? = ([\\d_]+(?: \\*{1,2} [\\d_]+)*)$`, 'm').exec(source)?.[1]
  if (value === undefined) return undefined
  return value
    .replaceAll('_', '')
    .split(/ \* /)
    .map((factor) => factor.split(' ** ').map(Number).reduce((base, power) => base ** power))
    .reduce((product, factor) => product * factor, 1)
}
