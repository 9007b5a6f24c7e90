import type { ServiceAccount } from './service-account.ts'

/** What lets the account read Pods of its namespace, as YAML for `kubectl apply -f -`. */
export function roleManifest({ namespace, name = 'default' }: Pick<ServiceAccount, 'namespace' | 'name'>): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: read-own-pod, namespace: ${namespace} }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: read-own-pod-${name}, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: read-own-pod }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: ${namespace} }]
`
}
