/** Where the repository is: the one place. Manifests and the READMEs of packages, which are read outside of it, have it by a rule. */
const origin = 'https://github.com/lameduck/lameduck'

/** A page of the repository as everybody sees it; the branch is the one that is released. */
export const pages: string = `${origin}/blob/main/`

/** What the manifest of the package in this folder must say of its origin: npm's provenance compares it with who publishes. */
export function originOf(short: string): Readonly<Record<'homepage' | 'bugs' | 'repository', unknown>> {
  return {
    homepage: `${origin}/tree/main/packages/${short}#readme`,
    bugs: `${origin}/issues`,
    repository: { type: 'git', url: `git+${origin}.git`, directory: `packages/${short}` },
  }
}
