import { expect, test } from 'vitest'
import { roleManifest } from './role-manifest.ts'

test.each(['x }\n---\nkind: ClusterRoleBinding', 'a"b', 'a\u001b[2J', '../x', 'UPPER', undefined])('a name that is not one is left to be filled in: %j', (name) => {
  const yaml = roleManifest({ namespace: name ?? '', name })
  expect(yaml).toContain('subjects: [{ kind: ServiceAccount, name: "<ServiceAccount>", namespace: "<namespace>" }]')
  expect(yaml).toBe(roleManifest({ namespace: '', name: undefined }))
})

test('names that YAML would take for something else are texts', () => {
  expect(roleManifest({ namespace: '123', name: 'true' })).toContain('name: "true", namespace: "123"')
})
