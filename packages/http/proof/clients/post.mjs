/** Bodies of 1 byte to 64 KiB; the server refuses one that does not arrive whole. */
export async function session(client) {
  const length = 1 + Math.floor(Math.random() * 65_536)
  await client.request({ method: 'POST', path: '/orders', headers: { 'x-length': String(length), 'content-length': String(length) }, body: 'x'.repeat(length) })
}
