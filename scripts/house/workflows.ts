import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, type Breach, type Workspace } from './workspace.ts'

/** What runs with rights on GitHub is named by its commit, has the fewest rights, and leaves no credentials behind. */
export function checkWorkflows({ root, read, at }: Workspace): Breach[] {
  const folder = join(root, '.github', 'workflows')
  if (!existsSync(folder)) return []
  return filesBelow(folder).flatMap((file) => {
    const text = read(file)
    return [...checkPins(text), ...checkRights(text), ...checkCheckouts(text)].map((message) => ({ file: at(file), message }))
  })
}

/** A tag can be moved to another commit by whoever takes over the action's repository. */
function checkPins(text: string): string[] {
  return [...text.matchAll(/^[\s-]*uses: *(.*)$/gm)]
    .map((match) => (match[1] as string).trim())
    .filter((action) => !action.startsWith('./') && !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))
    .map((action) => `uses ${action}: name it by its full commit, with the version behind it, such as "owner/name@<40 hex digits> # v1.2.3"`)
}

function checkRights(text: string): string[] {
  const breaches: string[] = []
  if (!/^permissions:\n {2}contents: read\n(?! )/m.test(text)) breaches.push('must begin with "permissions:" of "contents: read" alone; a job that needs more says so itself')
  if (/write-all|read-all/.test(text)) breaches.push('gives a job every right: name those it needs')
  if ([...text.matchAll(/id-token: write/g)].length > 1) breaches.push('lets more than one job publish: "id-token: write" belongs to one')
  return breaches
}

/** Otherwise the token stays in `.git/config`, for every later step to read. */
function checkCheckouts(text: string): string[] {
  return text
    .split(/^ {6}- /m)
    .filter((step) => step.startsWith('uses: actions/checkout@') && !step.includes('persist-credentials: false'))
    .map(() => 'checks out with credentials that stay: add "persist-credentials: false"')
}
