import { createServer } from 'node:http'
import { answer } from './answer.mjs'

export const create = () => createServer(answer)
