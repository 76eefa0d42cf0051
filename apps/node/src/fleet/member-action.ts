/** What an operator asks of a member. */
export const MEMBER_ACTIONS = ['drain', 'undrain', 'leave'] as const
export type MemberAction = (typeof MEMBER_ACTIONS)[number]

/** A request over a peer link: another member's operator asks it of us. */
export interface MemberRequest {
  readonly t: 'fleet/member'
  readonly action: MemberAction
}

/** The action of a request; undefined when the request is none of ours. */
export function readMemberRequest(message: unknown): MemberAction | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { t, action } = message as Readonly<Record<string, unknown>>
  return t === 'fleet/member' ? MEMBER_ACTIONS.find((known) => known === action) : undefined
}
