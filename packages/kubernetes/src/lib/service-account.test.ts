import { describe, expect, test } from 'vitest'
import { boundToken, mounted, tokenFor } from '../../test/support/api-server.ts'
import { readServiceAccount, type ServiceAccount } from './service-account.ts'

async function read(token: string, env: NodeJS.ProcessEnv = {}, names: { podName?: string; namespace?: string } = {}): Promise<ServiceAccount> {
  return readServiceAccount({ env, folder: await mounted({ token }), podName: names.podName, namespace: names.namespace })
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
    await expect(readServiceAccount({ env: {}, folder: '/nonexistent', podName: undefined, namespace: undefined })).rejects.toThrow(
      '/nonexistent/token does not exist; does the Pod, or its ServiceAccount, say automountServiceAccountToken: false?',
    )
  })
})
