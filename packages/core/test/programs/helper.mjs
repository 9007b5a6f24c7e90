// One of a pool: it waits for work from its parent.
process.on('message', () => {}).on('disconnect', () => process.exit())
process.send('ready')
