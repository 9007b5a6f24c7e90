import { parentPort } from 'node:worker_threads'
import { resize } from './resize.mjs'

parentPort.on('message', (id) => void resize(id).then(() => parentPort.postMessage(id)))
