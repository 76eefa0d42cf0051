const UNITS = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

/** Reads `512mb`, `1gb`, `4096` (bytes), as Redis does: units are powers of 1024. Undefined when it is not a size. */
export function parseBytes(text: string | number): number | undefined {
  const match = /^(\d+)\s*(b|kb|mb|gb)?$/i.exec(String(text).trim())
  if (!match) return undefined
  const unit = (match[2]?.toLowerCase() ?? 'b') as keyof typeof UNITS
  const bytes = Number(match[1]) * UNITS[unit]
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
