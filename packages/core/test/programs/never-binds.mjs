// Modules that load for ever, without blocking; nobody is ever bound.
setInterval(() => {}, 1e6)
console.log('loading')
await new Promise(() => {})
