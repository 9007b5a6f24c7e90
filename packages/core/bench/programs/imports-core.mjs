import '@lameduck/core'
