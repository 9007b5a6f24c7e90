/** What a program says when the machine is at fault, and what to do then: one line says more than its output. */
const causes = [
  { codes: /\b(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b/, say: (code) => `the package registry cannot be reached (${code}). Check the network, and npm's proxy and registry settings.` },
  { codes: /\b(ENOSPC|EDQUOT)\b|no space left on device/i, say: (code) => `the disk is full (${code}). Make room where this clone, the home folder and the folder for temporary files are.` },
  { codes: /\b(EROFS|EACCES|EPERM)\b/, say: (code, where) => `${where ?? 'a file'} cannot be written to (${code}). Make it writable, or clone into a folder of your own.` },
]

/** One line about a step that failed where the cause is the machine's; else the last 30 lines of its output, too. */
export function whyFailed(label, code, output, remedy = '') {
  for (const { codes, say } of causes) {
    const found = codes.exec(output)
    if (found) return `${label} failed: ${say(found[1] ?? found[0], /(?:open|mkdir|unlink|rename|symlink|link|copyfile|access|scandir) '([^'\n]+)'/.exec(output)?.[1])}`
  }
  const lines = output.trim().split('\n').slice(-30)
  return `${label} failed (exit code ${code}).${remedy ? ` ${remedy}` : ''}\n${lines.join('\n')}`
}
