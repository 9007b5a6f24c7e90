import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { record, text, type JsonObject } from './pod.ts'

/** Where to ask, as whom, and for which Pod. */
export interface ServiceAccount {
  readonly host: string
  readonly port: number
  readonly ca: string
  readonly token: string
  readonly namespace: string
  readonly podName: string
  /** The Pod's uid, where the token is bound to the Pod of this name: then there is no doubt that it is our own. */
  readonly podUid: string | undefined
  /** Name of the ServiceAccount; `undefined` with a token that does not tell. */
  readonly name: string | undefined
}

export interface ServiceAccountInput {
  readonly env: NodeJS.ProcessEnv
  /** The folder with `token`, `ca.crt` and `namespace`. */
  readonly folder: string
  readonly podName: string | undefined
  readonly namespace: string | undefined
}

/**
 * Reads what the kubelet has mounted, anew each time: tokens are rotated. The token of a projected volume names its Pod,
 * which also holds with `hostNetwork` and `spec.hostname`, where `HOSTNAME` is something else.
 *
 * @throws Error with what is missing and what to do.
 */
export async function readServiceAccount({ env, folder, podName, namespace }: ServiceAccountInput): Promise<ServiceAccount> {
  const token = await readMounted(folder, 'token')
  const ca = await readMounted(folder, 'ca.crt')
  const mounted = await readMounted(folder, 'namespace').catch(() => undefined)
  const claims = readClaims(token)
  const ownName = podName ?? claims.podName ?? env['POD_NAME'] ?? env['HOSTNAME']
  const ownNamespace = namespace ?? claims.namespace ?? env['POD_NAMESPACE'] ?? mounted
  if (!ownName || !ownNamespace) {
    throw new Error(`the Pod's ${ownName ? 'namespace' : 'name'} is not known; set ${ownName ? 'POD_NAMESPACE' : 'POD_NAME'} from the downward API`)
  }
  return {
    // Brackets belong to a URL, not to an address.
    host: (env['KUBERNETES_SERVICE_HOST'] ?? '').replace(/^\[(.*)\]$/, '$1'),
    port: Number(env['KUBERNETES_SERVICE_PORT'] ?? 443),
    ca,
    token,
    namespace: ownNamespace,
    podName: ownName,
    podUid: claims.podName === ownName && claims.namespace === ownNamespace ? claims.podUid : undefined,
    name: claims.name,
  }
}

async function readMounted(folder: string, file: string): Promise<string> {
  try {
    return (await readFile(join(folder, file), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${join(folder, file)} does not exist; does the Pod, or its ServiceAccount, say automountServiceAccountToken: false?`, { cause: error })
  }
}

interface Claims {
  readonly namespace: string | undefined
  readonly podName: string | undefined
  readonly podUid: string | undefined
  readonly name: string | undefined
}

/** The token's own words, unverified: it is the API server that believes them or not. */
function readClaims(token: string): Claims {
  const kubernetes = record(readPayload(token)['kubernetes.io'])
  const pod = record(kubernetes['pod'])
  return {
    namespace: text(kubernetes['namespace']),
    podName: text(pod['name']),
    podUid: text(pod['uid']),
    name: text(record(kubernetes['serviceaccount'])['name']),
  }
}

function readPayload(token: string): JsonObject {
  try {
    return record(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
  } catch {
    return {}
  }
}
