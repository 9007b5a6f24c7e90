import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { lossReasons } from '../src/lib/rehearsal.ts'
import { resolveOptions } from '../src/lib/resolve-options.ts'
import { fixture, rehearseServer } from './rehearse-server.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

it('has a snippet that runs and tells what a server loses that exits at once', async () => {
  const snippet = /```ts\n([^]*?)```/.exec(readme)?.[1]
  expect(snippet).toBe(readFileSync(fixture('readme.mjs'), 'utf8'))
  const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, [fixture('readme.mjs')], { cwd: fixture('.') }, (error, out) => resolve({ code: error?.code ?? 0, stdout: out }))
  })
  expect(stdout).toMatch(/^[1-9]\d* of \d+ requests lost\n/)
  expect(stdout).toMatch(/ {2}(refused|reset-before-headers) \(.+\) by old-[123], \d+ ms after its SIGTERM/)
  expect(stdout).toMatch(/old-3: exit code 0, \d+ ms after its SIGTERM/)
  expect(code).toBe(1)
})

it('has client scripts that run', async () => {
  const scripts = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, text]) => text ?? '')
  expect(scripts).toHaveLength(2)
  const folder = mkdtempSync(join(tmpdir(), 'lameduck-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [index, text] of scripts.entries()) {
    const script = join(folder, `${index}.mjs`)
    writeFileSync(script, text)
    const { load } = await rehearseServer({ replicas: 1, env: { TLS: index === 1 ? 'yes' : 'no' }, rollout: { terminate: 0 }, load: { fast: 3, slow: 0, script } })
    expect(load.failures).toEqual([])
    expect(load.ok).toBeGreaterThan(5)
  }
})

it('names every reason', () => {
  for (const reason of lossReasons) expect(readme).toContain(`\n| \`${reason}\` | `)
})

it('states the defaults that the code has', () => {
  const { probes, network, rollout, load, ...rest } = resolveOptions({ command: ['x'] })
  const stated = {
    replicas: rest.replicas,
    readyTimeoutMs: rest.readyTimeoutMs,
    'probes.periodMs`, `timeoutMs`, `failureThreshold': `${probes.periodMs}, ${probes.timeoutMs}, ${probes.failureThreshold}`,
    'network.propagationMs': network.propagationMs,
    'network.delayMs': network.delayMs,
    'rollout.replace': rollout.replace,
    'rollout.waitForExit': rollout.waitForExit,
    'rollout.graceMs': rollout.graceMs,
    'rollout.leastAfterSignalMs': rollout.leastAfterSignalMs,
    'rollout.preStop': JSON.stringify(rollout.preStop).replaceAll('"', "'").replace(/^|$/g, '`'),
    'load.fast`, `load.slow': `${load.fast}, ${load.slow}`,
    'load.fastPauseMs`, `load.slowPauseMs': `${load.fastPauseMs}, ${load.slowPauseMs}`,
    'load.streams`, `load.streamPath': `${load.streams}, \`${load.streamPath}\``,
    'load.timeoutMs': load.timeoutMs,
    'warmUpMs`, `coolDownMs': `${rest.warmUpMs}, ${rest.coolDownMs}`,
    lastReplicas: `\`'${rest.lastReplicas}'\``,
  }
  for (const [option, value] of Object.entries(stated)) expect(readme).toContain(`| \`${option}\` | ${value} |`)
  expect(rollout.terminate).toBe(rest.replicas)
  expect(probes).toMatchObject({ readiness: { path: '/readyz', port: 'probe' }, liveness: { path: '/livez', port: 'probe' } })
})
