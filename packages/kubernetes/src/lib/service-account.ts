import { join } from 'node:path'
import { below, checkedText, isName, isNamespace, parseFields, requireHost, requirePort, requireToken, shown, uid, type Fields } from './checked.ts'
import { readMounted } from './read-mounted.ts'

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
 * @throws Error with what is missing or wrong, and what to do.
 */
export async function readServiceAccount({ env, folder, podName, namespace }: ServiceAccountInput): Promise<ServiceAccount> {
  const host = requireHost(env['KUBERNETES_SERVICE_HOST'])
  const port = requirePort(env['KUBERNETES_SERVICE_PORT'])
  const token = requireToken(await readMounted(join(folder, 'token')), join(folder, 'token'))
  const ca = await readMounted(join(folder, 'ca.crt'))
  const mounted = await readMounted(join(folder, 'namespace')).catch(() => undefined)
  const claims = readClaims(token)
  const ownName = firstOf('name', 'POD_NAME', isName, [podName, claims.podName, env['POD_NAME'], env['HOSTNAME']])
  const ownNamespace = firstOf('namespace', 'POD_NAMESPACE', isNamespace, [namespace, claims.namespace, env['POD_NAMESPACE'], mounted])
  return {
    host,
    port,
    ca,
    token,
    namespace: ownNamespace,
    podName: ownName,
    podUid: claims.podName === ownName && claims.namespace === ownNamespace ? claims.podUid : undefined,
    name: claims.name,
  }
}

/** The first that says something; a name that Kubernetes would not give is not passed over, since the next one may be of something else. */
function firstOf(what: string, variable: string, isRight: (value: unknown) => value is string, sources: readonly unknown[]): string {
  const found = sources.find((source) => source !== undefined && source !== '')
  if (isRight(found)) return found
  throw new Error(`the Pod's ${what} ${found === undefined ? 'is not known' : `cannot be ${shown(found)}`}; set ${variable} from the downward API`)
}

interface Claims {
  readonly namespace: string | undefined
  readonly podName: string | undefined
  readonly podUid: string | undefined
  readonly name: string | undefined
}

/** The token's own words, unverified: it is the API server that believes them or not. A claim that is wrong counts as not there. */
function readClaims(token: string): Claims {
  const kubernetes = below(readPayload(token), 'kubernetes.io')
  const pod = below(kubernetes, 'pod')
  return {
    namespace: checkedText(kubernetes, 'namespace', isNamespace),
    podName: checkedText(pod, 'name', isName),
    podUid: uid(pod),
    name: checkedText(below(kubernetes, 'serviceaccount'), 'name', isName),
  }
}

function readPayload(token: string): Fields {
  try {
    return parseFields(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  } catch {
    return {}
  }
}
