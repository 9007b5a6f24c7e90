// A worker that leaves by itself, or stays until it is told that its work is done, whatever asks it to leave.
process.on('disconnect', () => process.exit(1))
if (process.env.KIND === 'leaves') process.exit(0)
process.on('SIGTERM', () => {})
process.on('message', () => process.exit(0))
process.send('ready')
