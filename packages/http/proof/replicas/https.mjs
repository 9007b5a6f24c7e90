import { createServer } from 'node:https'
import { answer } from './answer.mjs'

export const create = ({ pem }) => createServer({ key: pem, cert: pem }, answer)
