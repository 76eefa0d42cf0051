const READ_BYTES = 64 * 1024

const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * The buffer into which connections to backends read. One is enough for all of them where the runtime reads and calls
 * back in one step; on Windows reads are posted ahead, so each connection has its own.
 */
export function readBufferFor(platform: string): Buffer {
  return platform === 'win32' ? Buffer.allocUnsafeSlow(READ_BYTES) : shared
}
