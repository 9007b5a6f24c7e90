import { readFile } from 'node:fs/promises'

/** The TypeScript snippets of a page of `docs/`, by the heading that they stand under: `Sentry`, and `Sentry 2` for the second one. */
export async function readSnippets(page: string): Promise<Record<string, string>> {
  const text = await readFile(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8')
  const snippets: Record<string, string> = {}
  for (const section of text.split(/^#+ /m).slice(1)) {
    const heading = section.slice(0, section.indexOf('\n'))
    for (const [index, [, snippet = '']] of [...section.matchAll(/^```ts\n([^]*?)^```/gm)].entries()) {
      snippets[index === 0 ? heading : `${heading} ${index + 1}`] = snippet
    }
  }
  return snippets
}
