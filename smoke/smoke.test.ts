import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesIn, makeConsumer, packAll, runIn, type Packed } from './pack.ts'

const bin = fileURLToPath(new URL('node_modules/.bin/', import.meta.url))
let folder: string
let consumer: string
let packed: Packed[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-packs-'))
  packed = await packAll(folder)
  const inService = ['core', 'http', 'probes', 'policy', 'adapter-express', 'adapter-pg', 'adapter-ioredis', 'adapter-kafkajs']
  consumer = await makeConsumer(
    packed.filter(({ name }) => inService.includes(name.slice('@lameduck/'.length))),
    { express: '^5.3.0', pg: '^8.23.1', ioredis: '^6.0.0', kafkajs: '^2.2.4', '@types/express': '^5.0.6', '@types/pg': '^8.20.0', '@types/node': '^20.19.0', typescript: '^7.0.2' },
  )
}, 180_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(consumer, { recursive: true, force: true })
})

describe('every tarball', () => {
  test('has its code, its sources, its README and its licence, and no tests', async () => {
    for (const { name, tarball } of packed) {
      const files = await filesIn(tarball)
      expect(files, name).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'src/index.ts']))
      expect(files.filter((file) => file.includes('.test.') || file.startsWith('test/') || file.endsWith('.tsbuildinfo')), name).toEqual([])
    }
  })

  test('passes publint, strictly', async () => {
    for (const { tarball } of packed) await runIn(folder, join(bin, 'publint'), ['run', '--strict', tarball])
  }, 120_000)

  test('resolves with its types for every ESM consumer', async () => {
    for (const { tarball } of packed) await runIn(folder, join(bin, 'attw'), [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'])
  }, 120_000)
})

describe('installed from the tarballs', () => {
  test('require and import give the same instance', async () => {
    await writeFile(
      join(consumer, 'same.cjs'),
      `const core = require('@lameduck/core')
      import('@lameduck/core').then((imported) => console.log(imported.createLifecycle === core.createLifecycle))`,
    )
    expect(await runIn(consumer, process.execPath, ['--no-warnings', 'same.cjs'])).toBe('true\n')
  })

  test.each([
    ['ES module', 'service.mjs', `import express from 'express'; import { bindProcess, createLifecycle } from '@lameduck/core'; import { httpServer } from '@lameduck/http'`],
    ['CommonJS', 'service.cjs', `const express = require('express'); const { bindProcess, createLifecycle } = require('@lameduck/core'); const { httpServer } = require('@lameduck/http')`],
  ])('an %s service drains on SIGTERM', async (_kind, file, imports) => {
    await writeFile(
      join(consumer, file),
      `${imports}
      const lifecycle = createLifecycle()
      lifecycle.add(httpServer(express().listen(0, '127.0.0.1')))
      bindProcess(lifecycle).ready().then(() => console.log('ready'))`,
    )
    const child = spawn(process.execPath, ['--no-warnings', file], { cwd: consumer, stdio: ['ignore', 'pipe', 'inherit'] })
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (line === 'ready') child.kill('SIGTERM')
    })
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(0)
    expect(lines[1]).toContain('"result":"clean"')
  })

  test.each([
    ['nodenext', 'nodenext', 'module'],
    ['commonjs with node20 resolution', 'node20', 'commonjs'],
  ])('the five lines compile under %s, library checks on', async (_kind, module, type) => {
    const where = join(consumer, 'src', module)
    await runIn(consumer, 'mkdir', ['-p', where])
    await writeFile(join(where, 'package.json'), JSON.stringify({ type }))
    await writeFile(
      join(where, 'service.ts'),
      `import express from 'express'
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'
import { Pool } from 'pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { pgPool } from '@lameduck/adapter-pg'
import { redis } from '@lameduck/adapter-ioredis'
import { kafkaConsumer } from '@lameduck/adapter-kafkajs'

const consumer = new Kafka({ brokers: ['127.0.0.1:9092'] }).consumer({ groupId: 'g' })
export async function main(): Promise<void> {
  const lifecycle = createLifecycle()
  lifecycle.add(httpServer(express().listen(8080)))
  lifecycle.add(pgPool(new Pool()))
  lifecycle.add(redis(new Redis({ lazyConnect: true })))
  lifecycle.add(kafkaConsumer(consumer, { topics: ['orders'], eachMessage: async () => {} }))
  await bindProcess(lifecycle).ready()
}
`,
    )
    await writeFile(
      join(where, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { module, target: 'es2022', strict: true, skipLibCheck: false, noEmit: true, esModuleInterop: true, types: ['node'] }, include: ['.'] }),
    )
    await runIn(consumer, join(consumer, 'node_modules/.bin/tsc'), ['-p', where])
  }, 60_000)
})
