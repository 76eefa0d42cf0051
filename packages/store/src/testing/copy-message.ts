/** A deep copy, as a codec would make it: what is sent shares no memory with the sender. */
export function copyMessage<T>(value: T): T {
  return copy(value) as T
}

function copy(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(copy)
  if (typeof value !== 'object' || value === null) return value
  const result: Record<string, unknown> = {}
  for (const [field, content] of Object.entries(value)) result[field] = copy(content)
  return result
}
