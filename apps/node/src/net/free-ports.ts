import { createServer } from 'node:net'

/** Which of these TCP ports cannot be bound now. */
export async function busyPorts(
  host: string,
  ports: readonly number[],
): Promise<readonly number[]> {
  const free = await Promise.all(ports.map((port) => canBind(host, port)))
  return ports.filter((_, index) => !free[index])
}

/** True when the address can be bound; it is released again at once. */
export function canBind(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
