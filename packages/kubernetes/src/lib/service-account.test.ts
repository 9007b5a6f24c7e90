import { execFileSync } from 'node:child_process'
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { boundToken, mounted, tokenFor } from '../../test/support/api-server.ts'
import { readServiceAccount, type ServiceAccount } from './service-account.ts'

async function read(token: string, env: NodeJS.ProcessEnv = {}, names: { podName?: string; namespace?: string } = {}): Promise<ServiceAccount> {
  return readServiceAccount({ env: { KUBERNETES_SERVICE_HOST: '10.0.0.1', ...env }, folder: await mounted({ token }), podName: names.podName, namespace: names.namespace })
}

describe('readServiceAccount', () => {
  test('believes its token before the environment', async () => {
    const env = { POD_NAME: 'a', POD_NAMESPACE: 'b', HOSTNAME: 'node-7' }
    expect(await read(boundToken('u-1'), env)).toMatchObject({ podName: 'orders-1', namespace: 'shop', podUid: 'u-1', name: 'orders' })
  })

  test('without a bound token takes the environment, then what is mounted', async () => {
    const env = { POD_NAME: 'a', POD_NAMESPACE: 'b', HOSTNAME: 'node-7' }
    expect(await read('opaque', env)).toMatchObject({ podName: 'a', namespace: 'b', podUid: undefined, name: undefined })
    expect(await read(tokenFor({ sub: 'x' }), { HOSTNAME: 'node-7' })).toMatchObject({ podName: 'node-7', namespace: 'shop' })
  })

  test('is sure of the Pod only when the name is that of the token', async () => {
    expect(await read(boundToken('u-1'), {}, { podName: 'other' })).toMatchObject({ podName: 'other', namespace: 'shop', podUid: undefined })
    expect(await read(boundToken('u-1'), {}, { namespace: 'other' })).toMatchObject({ podName: 'orders-1', namespace: 'other', podUid: undefined })
  })

  test('says what is missing', async () => {
    await expect(read('opaque')).rejects.toThrow("the Pod's name is not known; set POD_NAME from the downward API")
    await expect(readServiceAccount({ env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder: '/nonexistent', podName: undefined, namespace: undefined })).rejects.toThrow(
      '/nonexistent/token does not exist; does the Pod, or its ServiceAccount, say automountServiceAccountToken: false?',
    )
  })
})

describe('a token that is not one is refused at once', () => {
  const replaced = async (replace: (path: string) => unknown): Promise<string> => {
    const folder = await mounted()
    await rm(join(folder, 'token'))
    await replace(join(folder, 'token'))
    return folder
  }

  test.each<[string, (path: string) => unknown, RegExp]>([
    ['a FIFO that nobody writes to', (path) => execFileSync('mkfifo', [path]), /token is not a file$/],
    ['/dev/zero', (path) => symlink('/dev/zero', path), /token is not a file$/],
    ['a folder', (path) => mkdir(path), /token is not a file$/],
    ['a link to itself', (path) => symlink(path, path), /ELOOP/],
    ['100 MB', (path) => writeFile(path, '').then(() => truncate(path, 100_000_000)), /token has more than 1048576 bytes$/],
    ['an endless file of /proc', (path) => symlink('/proc/self/maps', path), /token does not hold a token: it has other characters than a token$/],
    ['an empty file', (path) => writeFile(path, ' \n'), /token does not hold a token: it is empty$/],
    ['two lines', (path) => writeFile(path, 'a\r\nx-evil: 1'), /token does not hold a token/],
  ])('%s', async (_what, replace, message) => {
    const folder = await replaced(replace)
    await expect(readServiceAccount({ env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder, podName: 'a', namespace: 'b' })).rejects.toThrow(message)
  })
})

describe('what is not a name of Kubernetes', () => {
  const hostile = ['../../secrets', 'a/../b', 'a\u0000b', 'a\nb', 'UPPER', '-a', 'a-', 'a..b', '.', 'a%2fb', 'x'.repeat(254), 'é']

  test.each(hostile)('is refused in the environment: %j', async (name) => {
    await expect(read('opaque', { POD_NAME: name })).rejects.toThrow("the Pod's name cannot be ")
    await expect(read('opaque', { POD_NAME: 'a', POD_NAMESPACE: name })).rejects.toThrow("the Pod's namespace cannot be ")
  })

  test.each([...hostile, 7, {}, ['orders'], true])('counts as not there in a token: %j', async (name) => {
    const token = tokenFor({ 'kubernetes.io': { namespace: name, pod: { name, uid: 'u-1' }, serviceaccount: { name } } })
    expect(await read(token, { POD_NAME: 'a', POD_NAMESPACE: 'b' })).toMatchObject({ podName: 'a', namespace: 'b', podUid: undefined, name: undefined })
  })

  test.each(['abc', '1e9', '0', '65536', '-1', '443 ', '4.43', 'NaN'])('the port %j is refused', async (port) => {
    await expect(read('opaque', { POD_NAME: 'a', KUBERNETES_SERVICE_PORT: port })).rejects.toThrow(`KUBERNETES_SERVICE_PORT must be a port from 1 to 65535; it is "${port}" (string)`)
  })

  test.each(['a b', 'http://10.0.0.1', '10.0.0.1:443', 'a/b', '[::1', 'a\nb', 'x'.repeat(300)])('the host %j is refused', async (host) => {
    await expect(read('opaque', { POD_NAME: 'a', KUBERNETES_SERVICE_HOST: host })).rejects.toThrow("KUBERNETES_SERVICE_HOST must be an address or a host's name")
  })

  test.each(['{"__proto__":{"kubernetes.io":{"namespace":"evil"}}}', '[]', 'null', '"x"', '{'.repeat(100_000), '{"kubernetes.io":[{"namespace":"evil"}]}'])('a payload that is none is no claim: %#', async (payload) => {
    const token = `e30.${Buffer.from(payload).toString('base64url')}.x`
    expect(await read(token, { POD_NAME: 'a' })).toMatchObject({ namespace: 'shop', podUid: undefined, name: undefined })
  })
})
