import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerRuntimeClient } from 'testcontainers'
import { answerOf } from './answer-of.ts'
import { freePort } from './free-port.ts'
import type { Recipe } from './recipe.ts'
import type { Server } from './server.ts'
import { Unavailable, whyNot } from './unavailable.ts'
import { waitUntilReady } from './wait-until-ready.ts'

export interface ContainerOptions {
  readonly args: readonly string[]
  readonly onProgress: (text: string) => void
}

const engineLimitMs = 5_000
/** After the image is there. */
const startLimitMs = 60_000

/**
 * Starts a container by Testcontainers, if a Docker engine answers; which one, Testcontainers finds by its own
 * environment variables and files. Its helper container Ryuk removes everything when this process is killed.
 *
 * @throws Unavailable if the engine cannot start the image
 */
export async function startContainer(recipe: Recipe, { args, onProgress }: ContainerOptions): Promise<Server | undefined> {
  if (!mayHaveEngine()) return undefined
  const { getContainerRuntimeClient } = await import('testcontainers')
  const late = sleep(engineLimitMs, undefined, { ref: false })
  const engine = await Promise.race([getContainerRuntimeClient().catch(() => undefined), late])
  if (engine === undefined) return undefined
  onProgress(`${recipe.title}: starting ${recipe.image.image} in Docker (the image is fetched first if it is not there)`)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(recipe, engine, args)
    } catch (error) {
      if (attempt === 3 || !/already allocated|already in use/.test(whyNot(error))) throw new Unavailable(`Docker could not start ${recipe.image.image} (${whyNot(error)})`)
    }
  }
}

/** Loading Testcontainers takes longer than starting Redis, so it is not loaded in vain. */
function mayHaveEngine(): boolean {
  const { DOCKER_HOST, XDG_RUNTIME_DIR } = process.env
  const { uid } = userInfo()
  const places = [
    '/var/run/docker.sock',
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'docker.sock')] : []),
    join('/run/user', String(uid), 'docker.sock'),
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.testcontainers.properties'),
  ]
  return Boolean(DOCKER_HOST) || process.platform === 'win32' || places.some((place) => existsSync(place))
}

async function startOnce(recipe: Recipe, engine: ContainerRuntimeClient, args: readonly string[]): Promise<Server> {
  const { GenericContainer } = await import('testcontainers')
  const { name, title, image } = recipe
  const { host: engineHost } = engine.info.containerRuntime
  const host = engineHost === 'localhost' ? '127.0.0.1' : engineHost
  // A port of our choice, since the engine would choose another one when the container is started again.
  const port = await freePort()
  const url = recipe.url(host, port)
  const command = image.command(args)
  const described = new GenericContainer(image.image)
    .withEnvironment(image.environment(host, port, args))
    .withExposedPorts({ container: image.port, host: port })
    .withStartupTimeout(startLimitMs)
  if (command.length > 0) described.withCommand(command)
  const started = await described.start()
  const container = engine.container.getById(started.getId())
  let state: 'running' | 'frozen' | 'killed' = 'running'
  const version = await waitUntilReady(async () => answerOf(recipe, url), startLimitMs).catch(async (error: unknown) => {
    await started.stop()
    throw error
  })

  return {
    ok: true,
    name,
    url,
    source: 'docker',
    detail: `${[title, version].filter(Boolean).join(' ')} in Docker (${image.image}) at ${host}:${port}`,
    pid: undefined,
    freeze: async () => {
      if (state !== 'running') return
      await container.pause()
      state = 'frozen'
    },
    thaw,
    kill,
    restart: async () => {
      if (state !== 'killed') await kill()
      await container.start()
      state = 'running'
      await waitUntilReady(async () => answerOf(recipe, url), startLimitMs)
    },
    stop: async () => {
      await thaw()
      await started.stop()
    },
  }

  async function thaw(): Promise<void> {
    if (state !== 'frozen') return
    await container.unpause()
    state = 'running'
  }

  async function kill(): Promise<void> {
    await container.kill({ signal: 'SIGKILL' })
    if (state === 'frozen') await container.unpause().catch(() => {})
    await container.wait()
    state = 'killed'
  }
}
