import type { ClientState } from '../plan/client-state.ts'
import type { Wait } from './blocking-call.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Transaction } from './transaction.ts'

/** What a Redis client is in the middle of; most are never in the middle of anything. */
export class ClientModes {
  /** A command that may take its time. */
  wait: Wait | undefined
  transaction: Transaction | undefined
  subscriptions: Subscriptions | undefined

  get subscribes(): boolean {
    return this.subscriptions?.active === true
  }

  /** True while commands may not be routed as usual. */
  get transacts(): boolean {
    return this.transaction?.active === true
  }

  get name(): ClientState['mode'] {
    if (this.subscribes) return 'subscriber'
    if (this.wait !== undefined) return 'blocked'
    return this.transaction?.multi === true ? 'transaction' : 'plain'
  }

  /** CLIENT UNBLOCK; false when it is in no blocking command. */
  unblock(withError: boolean): boolean {
    const { wait } = this
    wait?.unblock(withError)
    return wait !== undefined
  }

  /** RESET: as if it had just connected. */
  reset(): void {
    this.transaction?.reset()
    this.subscriptions?.clear()
  }

  /** The client is gone. */
  end(): void {
    this.wait?.cancel()
    this.reset()
  }
}
