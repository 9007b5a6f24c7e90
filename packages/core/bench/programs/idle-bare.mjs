// A service that does nothing, and exits at once when it is told to.
process.on('SIGTERM', () => process.exit(0))
setInterval(() => {}, 1e6)
console.log('ready')
