// What pm2 is to a service: its parent, by name too, with a channel for messages. Sends `shutdown` when it hears `ready`.
import { fork } from 'node:child_process'

const child = fork(process.argv[2], process.argv.slice(3), { env: { ...process.env, pm_id: '0', kill_timeout: '60000' }, execArgv: [], stdio: 'inherit' })
child.on('message', (message) => {
  console.log('told', message)
  child.send('shutdown')
})
child.on('exit', (code) => console.log(`exit code ${code}`))
