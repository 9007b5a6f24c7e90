import { isName, isNamespace } from './checked.ts'
import type { ServiceAccount } from './service-account.ts'

/**
 * What lets the account read Pods of its namespace, as YAML for `kubectl apply -f -`. The names come from a token that nobody has verified: what is not a
 * name of Kubernetes is left to be filled in. In quotes, since `123` and `true` are names too.
 */
export function roleManifest({ namespace: given, name: claimed }: Pick<ServiceAccount, 'namespace' | 'name'>): string {
  const namespace = isNamespace(given) ? given : '<namespace>'
  const name = isName(claimed) ? claimed : '<ServiceAccount>'
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: read-own-pod, namespace: "${namespace}" }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: "read-own-pod-${name}", namespace: "${namespace}" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: read-own-pod }
subjects: [{ kind: ServiceAccount, name: "${name}", namespace: "${namespace}" }]
`
}
