import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeOld, root } from './setup.mjs'
import { progress, run, StepError } from './step.mjs'
import { inUnfinishedFolder } from './unfinished-folder.mjs'

/** The lines that the packages support, the oldest first. */
export const majors = [20, 22, 24, 26]

/**
 * One Node of every wanted line; the one at hand is not installed a second time.
 *
 * Each comes from its npm package, which holds the binary and runs no script; about 200 MB, and fetched once.
 *
 * @returns {Promise<{ path: string, major: number, version: string }[]>}
 */
export async function installNodes(wanted) {
  const folder = join(root, '.cache', 'nodes')
  await mkdir(folder, { recursive: true })
  await removeOld(folder, 'unfinished-')
  const nodes = []
  for (const major of wanted) {
    const target = join(folder, String(major))
    const path = major === majorAtHand ? process.execPath : binaryIn(target)
    if ((await versionOf(path)) === undefined) await install(major, folder, target)
    nodes.push({ path, major, version: await versionOf(path) })
  }
  return nodes
}

export const majorAtHand = Number(process.versions.node.split('.')[0])

async function install(major, folder, target) {
  const source = `node@npm:node-${process.platform}-${process.arch}@${major}`
  const label = `installing Node ${major}`
  const shown = progress(label)
  try {
    await inUnfinishedFolder(join(folder, 'unfinished-'), async (unfinished) => fetchInto(unfinished, source, label, target))
    shown.end()
  } catch (error) {
    shown.end('failed')
    throw error
  }
}

async function fetchInto(unfinished, source, label, target) {
  const { code, output } = await run('npm', ['install', '--prefix', unfinished, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1', source])
  // npm reports success on a full disk, with truncated files.
  if (code !== 0 || (await versionOf(binaryIn(unfinished))) === undefined) {
    throw new StepError(`${label} failed (npm install ${source}, exit code ${code}). Check the network and the disk.\n${output.trim().split('\n').slice(-30).join('\n')}`)
  }
  // Somebody else may have been faster, and be using it.
  if ((await versionOf(binaryIn(target))) !== undefined) return
  await rm(target, { recursive: true, force: true })
  await rename(unfinished, target).catch(async (error) => {
    if ((await versionOf(binaryIn(target))) === undefined) throw error
  })
}

function binaryIn(folder) {
  return join(folder, 'node_modules', 'node', 'bin', 'node')
}

/** Nothing where the binary is missing or does not run. */
async function versionOf(binary) {
  const { code, output } = await run(binary, ['--version']).catch(() => ({ code: 1, output: '' }))
  return code === 0 ? output.trim().slice(1) : undefined
}
