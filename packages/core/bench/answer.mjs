/**
 * Answers the benchmark's questions, each by the task of its name, and first says that this process is ready. Ends the process when the
 * benchmark is gone.
 */
export function answer(tasks, ready = {}) {
  const answerOne = async ({ ask, ...parameters }) => {
    process.send({ answer: await tasks[ask](parameters) })
  }
  process.on('message', (question) => void answerOne(question))
  process.on('disconnect', () => process.exit(1))
  // It may have gone before this process was ready.
  if (!process.connected) process.exit(1)
  // Otherwise the channel holds a process that has nothing else to do.
  process.channel.unref()
  process.send({ answer: ready })
}
