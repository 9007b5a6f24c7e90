import { execFile, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Report } from '@lameduck/core'

// No default: whatever cluster kubectl happens to point at may be somebody's production.
const [kubectlProgram = '', ...kubectlParameters] = (process.env['LAMEDUCK_KUBECTL'] ?? '').split(' ')
const image = process.env['LAMEDUCK_NODE_IMAGE'] ?? 'node:22-slim'
const packages = fileURLToPath(new URL('../../..', import.meta.url))

/** What a service of `service.mjs` has printed from its start to SIGKILL; times in ms since SIGTERM. */
export interface Observed {
  readonly warnings: readonly string[]
  readonly answeredMs: number | undefined
  readonly reportedMs: number
  readonly report: Report
  /** Its last sign of life: SIGKILL came within 20 ms after it. */
  readonly aliveMs: number
}

/** A line that the service prints. */
interface Line {
  readonly ready?: true
  readonly warning?: string
  readonly answeredMs?: number
  readonly reportedMs?: number
  readonly report?: Report
  readonly aliveMs?: number
}

/** Runs kubectl to its end and gives its output. */
export function kubectl(parameters: readonly string[], input: string = ''): Promise<string> {
  if (kubectlProgram === '') throw new Error('set LAMEDUCK_KUBECTL, for example to "kubectl --context kind-kind"')
  return new Promise((resolve, reject) => {
    const child = execFile(kubectlProgram, [...kubectlParameters, ...parameters], { maxBuffer: 1e8 }, (error, stdout) => (error ? reject(error) : resolve(stdout)))
    child.stdin?.end(input)
  })
}

/** The programs and the built code of the two packages as a ConfigMap, so that any image with Node can run it; gives the volume that unfolds it. */
export async function uploadCode(namespace: string): Promise<object> {
  const data: Record<string, string> = {}
  const items: { readonly key: string; readonly path: string }[] = []
  for (const program of ['service.mjs', 'last-words.mjs']) {
    data[program] = await readFile(new URL(program, import.meta.url), 'utf8')
    items.push({ key: program, path: program })
  }
  for (const short of ['core', 'kubernetes']) {
    const files = ['package.json', ...(await readdir(`${packages}${short}/dist`, { recursive: true })).filter((file) => file.endsWith('.js')).map((file) => `dist/${file}`)]
    for (const file of files) {
      const key = `${short}.${file.replaceAll('/', '.')}`
      data[key] = await readFile(`${packages}${short}/${file}`, 'utf8')
      items.push({ key, path: `node_modules/@lameduck/${short}/${file}` })
    }
  }
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'code', namespace }, data }
  await kubectl(['create', '-f', '-'], JSON.stringify(map))
  return { name: 'code', configMap: { name: 'code', items } }
}

/** A Pod that runs the service, with `container` and `spec` added to what every one of them has. */
export function podManifest(namespace: string, name: string, volume: object, spec: object = {}, container: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      serviceAccountName: 'reader',
      terminationGracePeriodSeconds: 30,
      restartPolicy: 'Never',
      dnsPolicy: 'Default',
      ...spec,
      volumes: [volume],
      containers: [
        {
          name: 'service',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '/code/service.mjs'],
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'code', mountPath: '/code' }],
          ...container,
        },
      ],
    },
  }
}

/** Creates the Pod, waits until it is ready, calls `end`, and reads its log until it is killed. */
export async function observe(namespace: string, name: string, manifest: object, end: () => Promise<unknown>): Promise<Observed> {
  await kubectl(['create', '-f', '-'], JSON.stringify(manifest))
  await kubectl(['wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=60s'])
  const log = spawn(kubectlProgram, [...kubectlParameters, 'logs', '-n', namespace, '--follow', name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: Line[] = []
  let ended: Promise<unknown> | undefined
  for await (const text of createInterface({ input: log.stdout })) {
    const line = JSON.parse(text) as Line
    lines.push(line)
    if (line.ready) ended = end()
  }
  await ended
  const reported = lines.find((line) => line.report !== undefined)
  if (!reported?.report) throw new Error(`${name} was killed before it had reported; its last line was ${JSON.stringify(lines.at(-1))}`)
  return {
    warnings: lines.flatMap((line) => line.warning ?? []),
    answeredMs: lines.find((line) => line.answeredMs !== undefined)?.answeredMs,
    reportedMs: reported.reportedMs ?? 0,
    report: reported.report,
    aliveMs: Math.max(...lines.map((line) => line.aliveMs ?? 0)),
  }
}
