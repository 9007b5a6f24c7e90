import 'reflect-metadata'
import { ClientTCP } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'

export function createSession({ host, port, attempt }) {
  const client = new ClientTCP({ host, port })
  return {
    async round() {
      await attempt({ method: 'TCP', path: 'slow' }, async ({ lose }) => {
        const answer = await firstValueFrom(client.send('slow', 'it'))
        if (answer !== 'open') lose('bad-status', answer)
      })
    },
    close: () => client.close(),
  }
}
