// A worker thread gets no signals.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { isMainThread, Worker } from 'node:worker_threads'

if (isMainThread) new Worker(new URL(import.meta.url))
else {
  try {
    bindProcess(createLifecycle())
  } catch (error) {
    console.log(error.code)
  }
}
